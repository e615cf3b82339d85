//! What the people of the demo do, day by day: all of it ordinary use cases.

use std::{fs, time::Duration};

use chrono::{Days, NaiveDate, NaiveDateTime, TimeZone};
use tokio::time::Instant;

use super::{
    Day, Step, Wanted,
    lapse::Lapse,
    orders::{LOOKS, Orders},
    people::People,
    setup::{self, PlanRead},
};
use crate::{
    app::Carriers,
    demo::county,
    domain::{
        bilingual::bilingual, carrier::CarrierTable, check_code::CheckCode, id::CampaignId,
        lang::Lang, lifecycle::CampaignState, time::Micros,
    },
    service::{
        Office, ServiceError,
        campaigns::CampaignDecision,
        plan::{Import, ImportDiff},
        refusal::DemoRefusal,
    },
};

/// An opt-out takes effect within this, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the approver gives back in May, why, and what the clerk then adds.
const RETURNED: (&str, &str, &str) = ("opening-leaders", "结尾请加一句感谢", "感谢您的支持！");

/// What the clerk adds to in the middle of the month, and what.
const AMENDED: (&str, &str) = ("drill-leaders", "请携带工作证。");

/// What happens when, on the office's clock.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// The approver looks at what was submitted.
    Review,
    /// The clerk mends what came back.
    Mend,
    /// The plan changes.
    Change,
    /// The approver looks again.
    ReviewAgain,
    /// Somebody of the staff has had enough.
    OptOut,
    /// The approver looks at the work orders.
    ReviewOrders,
    /// The clerk looks at the work orders.
    TendOrders,
    /// A day is over.
    EndOf(NaiveDate),
}

/// From the plan's first reading to the last report.
pub(super) async fn live(
    office: &Office,
    carriers: &Carriers,
    people: &People,
    wanted: &Wanted,
    tell: &mut impl FnMut(Step<'_>),
) -> Result<(), ServiceError> {
    let month = Month {
        office,
        carriers,
        people,
        wanted,
    };
    let lapse = Lapse { office, carriers };
    let mut orders = Orders::new(office, people);
    month.draft(tell).await?;
    for (at, act) in month.script() {
        lapse.live_until(at).await?;
        match act {
            Act::Review => month.review(tell).await?,
            Act::Mend => {
                let (item, _, thanks) = RETURNED;
                month.amend(item, |text| format!("{text}{thanks}")).await?;
            }
            Act::Change => {
                let (item, more) = AMENDED;
                let diff = month.amend(item, |text| format!("{text}{more}")).await?;
                tell(Step::Changed(&diff));
            }
            Act::ReviewAgain => month.review_again(tell).await?,
            Act::OptOut => month.opt_out(tell).await?,
            Act::ReviewOrders => orders.approve(tell).await?,
            Act::TendOrders => orders.tend(tell).await?,
            Act::EndOf(date) => {
                orders.show_updates(tell).await?;
                month.end_of(date, tell).await?;
            }
        }
    }
    // The last reports, and the graces of what was in doubt.
    while let Some(next) = lapse.settle().await? {
        lapse.live_until(next).await?;
    }
    Ok(())
}

struct Month<'a> {
    office: &'a Office,
    carriers: &'a Carriers,
    people: &'a People,
    wanted: &'a Wanted,
}

impl Month<'_> {
    fn script(&self) -> Vec<(Micros, Act)> {
        let at = |month, day, hour| {
            NaiveDate::from_ymd_opt(2023, month, day).and_then(|d| d.and_hms_opt(hour, 0, 0))
        };
        let mut script: Vec<_> = [
            (at(5, 25, 15), Act::Review),
            (at(5, 25, 16), Act::ReviewOrders),
            (at(5, 26, 9), Act::Mend),
            (at(5, 26, 10), Act::ReviewAgain),
            (at(6, 8, 16), Act::Change),
            (at(6, 8, 17), Act::ReviewAgain),
            (at(6, 13, 19), Act::OptOut),
        ]
        .into_iter()
        .filter_map(|(at, act)| Some((at?, act)))
        .collect();
        script.extend(LOOKS.iter().filter_map(|(month, day, hour, minute)| {
            let day = NaiveDate::from_ymd_opt(2023, *month, *day)?;
            Some((day.and_hms_opt(*hour, *minute, 0)?, Act::TendOrders))
        }));
        let days = NaiveDate::from_ymd_opt(2023, 6, 1)
            .into_iter()
            .flat_map(|first| first.iter_days().take(30));
        script.extend(days.filter_map(|day| {
            let midnight = day.checked_add_days(Days::new(1))?.and_hms_opt(0, 0, 0)?;
            Some((midnight, Act::EndOf(day)))
        }));
        script.sort_by_key(|(at, _)| *at);
        script
            .into_iter()
            .map(|(at, act)| (self.instant(at), act))
            .collect()
    }

    fn instant(&self, local: NaiveDateTime) -> Micros {
        let zone = self.office.config.sending.timezone;
        zone.from_local_datetime(&local)
            .earliest()
            .map_or_else(|| local.and_utc().into(), Micros::from)
    }

    /// The plan is read in, looked at, and submitted.
    async fn draft(&self, tell: &mut impl FnMut(Step<'_>)) -> Result<(), ServiceError> {
        setup::lay_out_plan(&self.wanted.dir)?;
        let plan = setup::read_plan(&self.wanted.dir, self.office)?;
        self.import(&plan).await?;
        tell(Step::Drafted {
            title: &plan.title,
            campaigns: plan.items.len(),
            slots: plan.items.iter().map(|p| p.slots.len()).sum(),
            work_orders: plan.orders.len(),
        });
        self.hand_in().await
    }

    async fn import(&self, plan: &PlanRead) -> Result<ImportDiff, ServiceError> {
        let import = Import {
            plan: &plan.name,
            title: &plan.title,
            source: &plan.source,
            items: &plan.items,
            orders: &plan.orders,
        };
        let clerk = &self.people.clerk;
        self.office.plans().import(clerk, &import, false).await
    }

    /// Nobody stands in any of these groups.
    async fn is_empty(&self, groups: &[String]) -> Result<bool, ServiceError> {
        let mut tx = self.office.store.read("demo_groups").await?;
        for name in groups {
            if tx.group(name).await?.is_some_and(|g| g.members > 0) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Every draft goes to the approver; those of groups without anybody stay drafts.
    async fn hand_in(&self) -> Result<(), ServiceError> {
        for campaign in self
            .office
            .campaigns()
            .list(&self.people.clerk)
            .await?
            .into_iter()
            .rev()
        {
            if campaign.state == CampaignState::Draft && !self.is_empty(&campaign.groups).await? {
                self.office
                    .campaigns()
                    .submit(&self.people.clerk, campaign.id, None)
                    .await?;
            }
        }
        Ok(())
    }

    /// The clerk may not approve their own; the approver gives one back and lets the others out.
    async fn review(&self, tell: &mut impl FnMut(Step<'_>)) -> Result<(), ServiceError> {
        let waiting = self.waiting().await?;
        if let Some((own, ..)) = waiting.first()
            && let Err(refusal) = self
                .office
                .campaigns()
                .approve(&self.people.clerk, *own, &self.seen(*own).await?)
                .await
        {
            tell(Step::OwnRefused(refusal.text(Lang::Zh)));
        }
        let (item, reason, _) = RETURNED;
        let returned = waiting.iter().find(|(_, i, _)| i == item);
        if let Some((id, _, name)) = returned {
            self.office
                .campaigns()
                .decide(&self.people.approver, *id, CampaignDecision::Return, reason)
                .await?;
            tell(Step::Returned { name, reason });
        }
        self.review_again(tell).await
    }

    /// What a person who opens this campaign is shown.
    async fn seen(&self, id: CampaignId) -> Result<CheckCode, ServiceError> {
        let campaigns = self.office.campaigns();
        Ok(campaigns.get(&self.people.approver, id).await?.check_code)
    }

    async fn review_again(&self, tell: &mut impl FnMut(Step<'_>)) -> Result<(), ServiceError> {
        let waiting = self.waiting().await?;
        for (id, ..) in &waiting {
            self.office
                .campaigns()
                .approve(&self.people.approver, *id, &self.seen(*id).await?)
                .await?;
        }
        tell(Step::Approved(waiting.len()));
        Ok(())
    }

    /// What waits for the approver: campaign, plan item, name.
    async fn waiting(&self) -> Result<Vec<(CampaignId, String, String)>, ServiceError> {
        let mut waiting = Vec::new();
        for campaign in self
            .office
            .campaigns()
            .list(&self.people.clerk)
            .await?
            .into_iter()
            .rev()
        {
            if campaign.state == CampaignState::Submitted {
                waiting.push((campaign.id, campaign.item.clone(), campaign.name.clone()));
            }
        }
        Ok(waiting)
    }

    /// The clerk writes into a message's text file and reads the plan in again: what was approved with the
    /// old words has to be approved anew.
    async fn amend(
        &self,
        item: &str,
        write: impl FnOnce(&str) -> String,
    ) -> Result<ImportDiff, ServiceError> {
        let path = setup::text_file(&self.wanted.dir, item);
        let text = fs::read_to_string(&path)?;
        fs::write(&path, write(text.trim_end()))?;
        let plan = setup::read_plan(&self.wanted.dir, self.office)?;
        let diff = self.import(&plan).await?;
        self.hand_in().await?;
        Ok(diff)
    }

    /// One of the safety staff writes back `退订`: later runs leave them out.
    async fn opt_out(&self, tell: &mut impl FnMut(Step<'_>)) -> Result<(), ServiceError> {
        let mut tx = self.office.store.read("demo_opt_out").await?;
        let Some(group) = tx.group(county::STAFF).await? else {
            return Ok(());
        };
        let staff = tx.contacts_after(group.id, None, 500).await?;
        drop(tx);
        let somebody = staff.iter().map(|c| c.phone).find_map(|phone| {
            let carrier = CarrierTable::builtin().carrier(phone);
            let gateways = &self.office.config.gateways;
            let gateway = gateways.iter().find(|g| g.carriers.contains(&carrier))?;
            Some((phone, self.carriers.get(&gateway.id)?))
        });
        let Some((phone, carrier)) = somebody else {
            return Ok(());
        };
        carrier.inject_mo(phone, "退订");
        let deadline = Instant::now() + PATIENCE;
        while self.is_opted_in().await? {
            if Instant::now() > deadline {
                return Err(DemoRefusal::Failed {
                    why: bilingual!(
                        "退订没有在十秒内生效",
                        "the opt-out did not take effect within ten seconds"
                    ),
                }
                .into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tell(Step::OptedOut(phone));
        Ok(())
    }

    async fn is_opted_in(&self) -> Result<bool, ServiceError> {
        let mut tx = self.office.store.read("demo_opt_out").await?;
        Ok(tx.suppressions_after(0, 1).await?.is_empty())
    }

    /// The day's line.
    async fn end_of(
        &self,
        date: NaiveDate,
        tell: &mut impl FnMut(Step<'_>),
    ) -> Result<(), ServiceError> {
        let zone = self.office.config.sending.timezone;
        let mut day = Day {
            date,
            ..Day::default()
        };
        for view in self
            .office
            .runs()
            .list(&self.people.clerk)
            .await?
            .into_iter()
            .rev()
        {
            day.month.add(&view.counts);
            let opened = view.opened.map(|z| z.at.local(zone).date_naive());
            if opened == Some(date) {
                day.counts.add(&view.counts);
                day.runs.push(view.name);
            }
        }
        tell(Step::Day(&day));
        Ok(())
    }
}
