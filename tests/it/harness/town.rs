//! An office with a carrier's work-order interface on a real socket, and a hand that lives through days.

use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};
use tokio::sync::mpsc;
use watchbell::{
    config::{OrderCarrier, Secret},
    domain::{
        carrier::Carrier,
        id::OrderId,
        phone::Phone,
        plan::{Ordered, TextSource, WantedCount, WorkOrder},
        role::{Actor, Role},
        schedule::Span,
        time::Micros,
        work_order::OrderState,
    },
    service::{
        Office, audit,
        plan::{Import, ImportDiff},
        work_order::{OrderView, desk::Desk},
    },
    simulate::orders::{OrderDesk, OrderSettings},
    telemetry::alert::{Alerts, Notice},
};

use crate::harness::story::{Story, approve_order};

pub(crate) const SECRET: &str = "a secret of two";

/// The two seed phones.
pub(crate) const SEEDS: [u64; 2] = [13_300_133_001, 13_300_133_002];

/// The people, the carrier and the desk of one story.
pub(crate) struct Town {
    pub(crate) office: Office,
    pub(crate) clerk: Actor,
    pub(crate) approver: Actor,
    pub(crate) carrier: OrderDesk,
    pub(crate) worker: Desk,
    pub(crate) notices: mpsc::Receiver<Arc<Notice>>,
}

/// An order for the two days after [`crate::harness::story::MORNING`].
pub(crate) fn ordered(key: &str, text: &str) -> Ordered {
    let day = |d| NaiveDate::from_ymd_opt(2023, 6, d).unwrap();
    Ordered {
        order: WorkOrder {
            id: key.into(),
            name: format!("委托电信 {key}"),
            carrier: Carrier::Telecom,
            text: TextSource::Inline(text.into()),
            signature: "云岭县安委办".into(),
            appended: String::new(),
            audience: "县内全部电信用户".into(),
            span: Span {
                from: day(13),
                to: day(14),
            },
            hours: "09:00-18:00".parse().unwrap(),
            daily_cap: 600,
            counts: WantedCount::ALL.to_vec(),
            evidence: "汇总表".into(),
            contact: "周晓岚".into(),
        },
        text: text.into(),
    }
}

pub(crate) const TEXT: &str = "天热请看护好孩子，不到忻河、水库游泳。";

/// The office with this carrier known; an empty `url` means on paper.
pub(crate) fn knowing(office: &Office, url: &str) -> Office {
    let mut office = office.clone();
    let mut config = (*office.config).clone();
    config.work_orders.carriers = vec![OrderCarrier {
        carrier: Carrier::Telecom,
        url: url.into(),
        secret: Secret::new(SECRET),
        contact: String::new(),
        seed_phones: SEEDS
            .iter()
            .map(|n| Phone::from_number(*n).unwrap())
            .collect(),
    }];
    office.config = Arc::new(config);
    office
}

/// How the carrier behaves, before a story changes it.
pub(crate) fn settings(office: &Office) -> OrderSettings {
    OrderSettings {
        subscribers: 1_000,
        ..OrderSettings::new(
            Carrier::Telecom,
            SECRET,
            office.clock.clone(),
            chrono_tz::Asia::Shanghai,
        )
    }
}

impl Town {
    pub(crate) async fn open(story: &Story, change: impl FnOnce(&mut OrderSettings)) -> Self {
        let mut settings = settings(&story.office);
        change(&mut settings);
        let carrier = OrderDesk::start(settings).await.unwrap();
        let office = knowing(&story.office, &carrier.url());
        story.person("admin", Role::Admin).await;
        let alerts = Alerts::new(office.clock.clone(), true);
        Self {
            clerk: story.person("zhao", Role::Clerk).await,
            approver: story.person("li", Role::Approver).await,
            notices: alerts.listen(),
            worker: Desk::new(office.clone(), alerts).unwrap(),
            carrier,
            office,
        }
    }

    pub(crate) async fn import(&self, orders: &[Ordered], dry_run: bool) -> ImportDiff {
        let import = Import {
            plan: "june",
            title: "六月",
            source: "[plan]",
            items: &[],
            orders,
        };
        self.office
            .plans()
            .import(&self.clerk, &import, dry_run)
            .await
            .unwrap()
    }

    /// Drafted, approved and issued.
    pub(crate) async fn issued(&self, key: &str, text: &str) -> OrderId {
        let id = self.approved(key, text).await;
        self.office
            .work_orders()
            .issue(&self.clerk, id)
            .await
            .unwrap();
        id
    }

    pub(crate) async fn approved(&self, key: &str, text: &str) -> OrderId {
        let diff = self.import(&[ordered(key, text)], false).await;
        let id = diff.items.iter().find(|i| i.item == key).unwrap();
        let id = id.order.unwrap();
        approve_order(&self.office, &self.approver, id)
            .await
            .unwrap();
        id
    }

    pub(crate) async fn view(&self, id: OrderId) -> OrderView {
        self.office
            .work_orders()
            .get(&self.clerk, id)
            .await
            .unwrap()
    }

    pub(crate) async fn state(&self, id: OrderId) -> OrderState {
        self.view(id).await.line.state
    }

    /// Lives on for some hours: from one thing that is due to the next, as time-lapse does.
    pub(crate) async fn live(&self, hours: i64) {
        let end = self.office.clock.now().plus_secs(hours * 3_600);
        loop {
            let now = self.office.clock.now();
            self.worker.run_once(now).await.unwrap();
            match self.office.plans().next_due(now).await.unwrap() {
                Some(next) if next <= now => {}
                _ if now >= end => return,
                next => self.until(next.unwrap_or(end).min(end)),
            }
        }
    }

    fn until(&self, then: Micros) {
        let by = then.0 - self.office.clock.now().0;
        self.office.clock.advance(TimeDelta::microseconds(by));
    }

    pub(crate) async fn verified(&self) {
        let verdict = audit::verify(&self.office.store, None).await.unwrap();
        assert!(verdict.ok, "{:?}", verdict.first_difference);
    }

    /// What was said to whoever is on duty.
    pub(crate) fn told(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.notices.try_recv().ok().map(|n| n.text_en.clone())).collect()
    }
}
