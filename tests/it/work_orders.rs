//! Work orders over a carrier's interface: real sockets, real databases, days that pass in milliseconds.

use chrono::TimeDelta;
use watchbell::{
    domain::{
        carrier::Carrier,
        lang::Lang,
        role::Role,
        work_order::{OrderState as S, command::CommandAct, counts::What, due::Owed},
    },
    service::{
        plan::Effect,
        work_order::{Answer, Figures},
    },
};

use crate::{
    harness::story::{MORNING, Story, approve_order, machine, on_each_database, refused},
    harness::town::{SEEDS, TEXT, Town, knowing, ordered},
};

#[tokio::test]
async fn an_order_reaches_closed_by_way_of_a_stopped_proof() {
    on_each_database(async |story: &Story| {
        let mut town = Town::open(story, |c| {
            c.typo_rounds = 1;
            c.slips = vec![('忻', '折')];
        })
        .await;
        let office = town.office.clone();
        let id = town.issued("telecom", TEXT).await;
        assert_eq!(town.view(id).await.line.number, "县安委办短协〔2023〕1号");
        town.live(6).await;
        // Proofs are in, and wrong: it is stopped, and nothing lets it go on.
        let view = town.view(id).await;
        assert_eq!(
            (view.line.state, view.proofs.len()),
            (S::Acknowledged, SEEDS.len())
        );
        let said = view.proofs[0].differences[0].text(Lang::Zh);
        assert!(said.contains("应为“忻”，收到“折”（形近字）"), "{said}");
        assert!(
            town.told()
                .iter()
                .any(|t| t.contains("nothing may be sent"))
        );
        let no = refused(office.work_orders().release(&town.clerk, id).await);
        assert!(no.contains("acknowledged"), "{no}");
        office
            .work_orders()
            .correct(&town.clerk, id, "错字，请复制全文")
            .await
            .unwrap();
        assert_eq!(town.state(id).await, S::Corrected);
        town.live(4).await;
        assert_eq!(town.state(id).await, S::Proofed);
        town.verified().await;
        office.work_orders().release(&town.clerk, id).await.unwrap();
        town.live(2 * 24 + 2).await;
        let view = town.view(id).await;
        assert_eq!(view.line.state, S::Reported);
        let figures = view.figures().unwrap();
        assert_eq!(
            (
                figures.figures.requested,
                figures.figures.sent,
                figures.is_final
            ),
            (Some(1_000), Some(1_000), true)
        );
        assert!(
            view.counts.len() >= 5 && view.contradictions.is_empty(),
            "{:?}",
            view.contradictions
        );
        assert_eq!(view.evidence[0].media, "text/plain; charset=utf-8");
        let (_, bytes) = office
            .work_orders()
            .evidence(&town.clerk, id, view.evidence[0].n)
            .await
            .unwrap();
        assert!(String::from_utf8(bytes).unwrap().contains("截止时间"));
        refused(office.work_orders().close(&town.clerk, id).await);
        office.work_orders().accept(&town.clerk, id).await.unwrap();
        let view = office.work_orders().close(&town.clerk, id).await.unwrap();
        assert_eq!(view.line.state, S::Closed);
        refused(office.work_orders().withdraw(&town.clerk, id, "太晚").await);
        town.verified().await;
        let counts = town.carrier.counts();
        assert_eq!(
            (counts.orders, counts.slips, counts.unsigned, counts.refused),
            (1, 1, 0, 0)
        );
        // The month's report has the carrier's figures as the carrier's.
        let html = office
            .reports()
            .month(&machine(), "2023-06".parse().unwrap(), Lang::Zh)
            .await
            .unwrap();
        assert!(html.contains("县安委办短协〔2023〕1号") && html.contains("其中 1 次不一致被停止"));
        assert!(html.contains("不相加"));
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_order() {
    on_each_database(async |story: &Story| {
        let town = Town::open(story, |c| c.lost_answers = 3).await;
        let id = town.issued("telecom", TEXT).await;
        let now = town.office.clock.now();
        town.worker.run_once(now).await.unwrap();
        // It was done, and nobody here knows: the same is asked again.
        assert_eq!(town.carrier.counts().orders, 1);
        assert_eq!(town.view(id).await.commands[0].answer, "");
        town.verified().await;
        town.live(3).await;
        let counts = town.carrier.counts();
        assert_eq!((counts.orders, counts.repeated), (1, 3));
        let view = town.view(id).await;
        assert_eq!(view.commands[0].answer, "taken");
        assert_eq!(view.line.state, S::Acknowledged);
        town.verified().await;
    })
    .await;
}

#[tokio::test]
async fn who_wrote_an_order_does_not_let_it_out_and_the_code_binds_what_was_shown() {
    on_each_database(async |story: &Story| {
        let town = Town::open(story, |_| {}).await;
        let office = &town.office;
        let diff = town.import(&[ordered("telecom", TEXT)], false).await;
        let id = diff.items[0].order.unwrap();
        let code = town.view(id).await.line.check_code;
        assert!(
            office
                .work_orders()
                .approve(&town.clerk, id, &code)
                .await
                .is_err()
        );
        assert!(
            office
                .work_orders()
                .approve(&machine(), id, &code)
                .await
                .is_err()
        );
        refused(office.work_orders().issue(&town.clerk, id).await);
        // An approver who writes one is no second person for it.
        let changed = [ordered("telecom", "高温天气请注意防暑。")];
        town.import(&changed, false).await;
        let no = refused(
            office
                .work_orders()
                .approve(&town.approver, id, &code)
                .await,
        );
        assert!(no.contains("check code differs"), "{no}");
        let shown = town.view(id).await.line.check_code.grouped();
        let typed = shown[..7].to_uppercase().parse().unwrap();
        let view = office
            .work_orders()
            .approve(&town.approver, id, &typed)
            .await
            .unwrap();
        assert_eq!(
            (view.line.state, view.approved_by.as_str()),
            (S::Approved, "li")
        );
        town.verified().await;
    })
    .await;
}

#[tokio::test]
async fn a_plan_drafts_its_orders_and_a_change_voids_what_was_let_out() {
    on_each_database(async |story: &Story| {
        let town = Town::open(story, |_| {}).await;
        let plan = |text: &str| vec![ordered("a", text), ordered("b", TEXT)];
        let effects = |d: &watchbell::service::plan::ImportDiff| -> Vec<_> {
            d.items.iter().map(|i| i.effect).collect()
        };
        let dry = town.import(&plan(TEXT), true).await;
        assert_eq!(effects(&dry), [Effect::New, Effect::New]);
        assert!(dry.items[0].order.is_none());
        assert!(
            town.office
                .work_orders()
                .list(&town.clerk)
                .await
                .unwrap()
                .is_empty()
        );
        let diff = town.import(&plan(TEXT), false).await;
        let [a, b] = [0, 1].map(|n: usize| diff.items[n].order.unwrap());
        assert_eq!(
            effects(&town.import(&plan(TEXT), false).await),
            [Effect::Unchanged; 2]
        );
        let diff = town.import(&plan("高温天气请注意防暑。"), false).await;
        assert_eq!(
            (diff.items[0].effect, &diff.items[0].fields[..]),
            (Effect::Changed, &["text"][..])
        );
        approve_order(&town.office, &town.approver, a)
            .await
            .unwrap();
        let diff = town.import(&plan(TEXT), false).await;
        assert_eq!(effects(&diff), [Effect::Voided, Effect::Unchanged]);
        assert_eq!(town.state(a).await, S::Draft);
        // What people call it is not what was approved.
        approve_order(&town.office, &town.approver, a)
            .await
            .unwrap();
        let mut named = plan(TEXT);
        named[0].order.name = "另一个名称".into();
        assert_eq!(
            effects(&town.import(&named, false).await),
            [Effect::Renamed, Effect::Unchanged]
        );
        assert_eq!(town.state(a).await, S::Approved);
        // The carrier has it: a person corrects or withdraws it.
        town.office
            .work_orders()
            .issue(&town.clerk, a)
            .await
            .unwrap();
        let diff = town.import(&plan("又改了。"), false).await;
        assert_eq!(diff.items[0].effect, Effect::TooLate);
        assert_eq!(town.view(a).await.text, TEXT);
        let diff = town.import(&plan(TEXT)[..1], false).await;
        assert_eq!(diff.items.last().unwrap().effect, Effect::Gone);
        // Numbers follow each other in the order of issue.
        approve_order(&town.office, &town.approver, b)
            .await
            .unwrap();
        town.office
            .work_orders()
            .issue(&town.clerk, b)
            .await
            .unwrap();
        let seqs: Vec<_> = [town.view(a).await, town.view(b).await]
            .iter()
            .map(|v| v.line.number.clone())
            .collect();
        let number = |n| format!("县安委办短协〔2023〕{n}号");
        assert_eq!(seqs, [number(1), number(2)]);
        town.verified().await;
    })
    .await;
}

#[tokio::test]
async fn a_carrier_that_refuses_or_is_silent_is_seen() {
    on_each_database(async |story: &Story| {
        let mut town = Town::open(story, |c| c.refuses = Some("系统检修".into())).await;
        let id = town.issued("telecom", TEXT).await;
        town.live(3).await;
        let view = town.view(id).await;
        assert_eq!(
            (view.line.state, view.line.reason.as_str()),
            (S::Refused, "系统检修")
        );
        assert_eq!(
            town.office
                .plans()
                .next_due(town.office.clock.now())
                .await
                .unwrap(),
            None
        );
        town.verified().await;
        town.told();
    })
    .await;
    on_each_database(async |story: &Story| {
        let mut town = Town::open(story, |c| c.silent = true).await;
        let id = town.issued("telecom", TEXT).await;
        town.live(23).await;
        assert!(town.view(id).await.line.overdue.is_none());
        town.live(2).await;
        let view = town.view(id).await;
        assert_eq!(
            (view.line.state, view.line.overdue),
            (S::Issued, Some(Owed::Acknowledgement))
        );
        assert!(town.told().iter().any(|t| t.contains("is overdue")));
        // Said once, not in each turn.
        town.live(2).await;
        assert!(town.told().is_empty());
        // By telephone it says yes: what was owed has come.
        let yes = Answer {
            acknowledged: true,
            ..Answer::default()
        };
        town.office
            .work_orders()
            .answer(&town.clerk, id, &yes)
            .await
            .unwrap();
        assert!(town.view(id).await.line.overdue.is_none());
        town.verified().await;
    })
    .await;
}

#[tokio::test]
async fn a_withdrawn_order_is_told_and_never_sent() {
    on_each_database(async |story: &Story| {
        let town = Town::open(story, |_| {}).await;
        let id = town.issued("telecom", TEXT).await;
        town.live(6).await;
        town.office
            .work_orders()
            .release(&town.clerk, id)
            .await
            .unwrap();
        // Halted: what makes it send waits, what makes it stop does not.
        town.office
            .sending()
            .stop(&machine(), "演练")
            .await
            .unwrap();
        town.live(2).await;
        let answers = |view: &watchbell::service::work_order::OrderView| -> Vec<_> {
            view.commands
                .iter()
                .map(|w| (w.act, w.answer.clone()))
                .collect()
        };
        assert_eq!(
            answers(&town.view(id).await)[1],
            (CommandAct::Release, String::new())
        );
        refused(town.office.work_orders().release(&town.clerk, id).await);
        town.office
            .sending()
            .release(&machine(), "演练结束")
            .await
            .unwrap();
        town.office
            .work_orders()
            .withdraw(&town.clerk, id, "雨停了，不必再发")
            .await
            .unwrap();
        town.live(30).await;
        let view = town.view(id).await;
        assert_eq!(view.line.state, S::Withdrawn);
        assert_eq!(answers(&view)[2], (CommandAct::Withdraw, "taken".into()));
        assert!(
            view.counts.iter().all(|c| c.figures.sent == Some(0)),
            "{:?}",
            view.counts
        );
        town.verified().await;
    })
    .await;
}

#[tokio::test]
async fn what_the_carrier_has_not_signed_is_no_answer() {
    on_each_database(async |story: &Story| {
        let mut town = Town::open(story, |c| c.secret = "another secret".into()).await;
        let id = town.issued("telecom", TEXT).await;
        town.live(2).await;
        let counts = town.carrier.counts();
        assert!(counts.orders == 0 && counts.unsigned > 0, "{counts:?}");
        assert_eq!(town.view(id).await.commands[0].answer, "");
        let told = town.told();
        assert!(
            told.iter().any(|t| t.contains("not signed by the carrier")),
            "{told:?}"
        );
        assert!(
            !told
                .iter()
                .any(|t| t.contains("another secret") || t.contains("127.0.0.1"))
        );
    })
    .await;
}

#[tokio::test]
async fn figures_that_contradict_themselves_are_kept_and_shown() {
    on_each_database(async |story: &Story| {
        let town = Town::open(story, |_| {}).await;
        let office = knowing(&town.office, "");
        let id = town.approved("telecom", TEXT).await;
        office.work_orders().issue(&town.clerk, id).await.unwrap();
        let figures = |hour: i64, sent, delivered| Figures {
            theirs: None,
            as_of: MORNING.plus_secs(hour * 3_600),
            requested: Some(1_000),
            sent: Some(sent),
            delivered: Some(delivered),
            last: false,
            remark: String::new(),
        };
        // It has sent before anybody let it; then fewer than before; then more arrived than left.
        office.clock.advance(TimeDelta::hours(40));
        let counts = vec![
            figures(26, 300, 200),
            figures(30, 250, 200),
            figures(33, 400, 500),
        ];
        let answer = Answer {
            acknowledged: true,
            counts,
            ..Answer::default()
        };
        let taken = office
            .work_orders()
            .answer(&town.clerk, id, &answer)
            .await
            .unwrap();
        assert_eq!(taken.counts, 3);
        // The same again is nothing new.
        assert_eq!(
            office
                .work_orders()
                .answer(&town.clerk, id, &answer)
                .await
                .unwrap()
                .counts,
            0
        );
        let view = town.view(id).await;
        let what: Vec<_> = view.contradictions.iter().map(|c| c.what).collect();
        assert!(
            what.iter().any(|w| matches!(w, What::NotReleased { .. })),
            "{what:?}"
        );
        assert!(
            what.iter().any(|w| matches!(
                w,
                What::Fell {
                    was: 300,
                    is: 250,
                    ..
                }
            )),
            "{what:?}"
        );
        assert!(
            what.iter()
                .any(|w| matches!(w, What::DeliveredOverSent { .. })),
            "{what:?}"
        );
        assert_eq!(view.line.figures.sent, Some(400), "the newest, as it came");
        let html = office
            .reports()
            .month(&machine(), "2023-06".parse().unwrap(), Lang::Zh)
            .await
            .unwrap();
        assert!(html.contains("数量存疑") && html.contains("送达 500 多于已发 400"));
        town.verified().await;
    })
    .await;
}

#[tokio::test]
async fn a_carriers_staff_see_and_answer_their_own_orders_only() {
    on_each_database(async |story: &Story| {
        let town = Town::open(story, |_| {}).await;
        let office = &town.office;
        let admin = watchbell::domain::role::Actor::User {
            name: "admin".into(),
            role: Role::Admin,
        };
        let (own, other, none) = (
            story.person("dian", Role::Carrier).await,
            story.person("yidong", Role::Carrier).await,
            story.person("nobody", Role::Carrier).await,
        );
        office
            .users()
            .set_carrier(&admin, "dian", Carrier::Telecom)
            .await
            .unwrap();
        office
            .users()
            .set_carrier(&admin, "yidong", Carrier::Mobile)
            .await
            .unwrap();
        office
            .users()
            .set_carrier(&admin, "nobody", Carrier::Broadnet)
            .await
            .unwrap();
        refused(
            office
                .users()
                .set_carrier(&admin, "zhao", Carrier::Mobile)
                .await,
        );
        let id = town.approved("telecom", TEXT).await;
        // Not issued yet: it is nobody's business outside.
        assert!(office.work_orders().list(&own).await.unwrap().is_empty());
        office.work_orders().issue(&town.clerk, id).await.unwrap();
        assert_eq!(office.work_orders().list(&own).await.unwrap().len(), 1);
        let yes = Answer {
            acknowledged: true,
            ..Answer::default()
        };
        for stranger in [&other, &none] {
            assert!(
                office
                    .work_orders()
                    .list(stranger)
                    .await
                    .unwrap()
                    .is_empty()
            );
            assert!(office.work_orders().get(stranger, id).await.is_err());
            assert!(
                office
                    .work_orders()
                    .answer(stranger, id, &yes)
                    .await
                    .is_err()
            );
        }
        for act in [
            office.work_orders().release(&own, id).await,
            office.work_orders().issue(&own, id).await,
        ] {
            assert!(act.is_err());
        }
        office.work_orders().answer(&own, id, &yes).await.unwrap();
        assert_eq!(town.state(id).await, S::Acknowledged);
        town.verified().await;
    })
    .await;
}
