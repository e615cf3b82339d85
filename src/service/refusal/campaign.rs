//! What is refused about campaigns, plans and runs.

use crate::domain::{
    bilingual::Bilingual, forecast::Period, lifecycle::CampaignState, refusal::refusals,
};

refusals! {
    /// What is refused about campaigns, plans and runs.
    pub enum CampaignRefusal {
        /// `--not-after` lies in the past.
        /// Choose a later time.
        NotAfterPassed = Usage "not_after_passed"
            zh "最晚时间已经过去：请另定 --not-after"
            en "--not-after has passed already: choose a later time";
        /// The time after which the campaign's messages may not go out has passed.
        /// Write the campaign anew.
        CampaignTooLate = Refused "campaign_too_late"
            zh "这个任务的最晚时间已经过去：请重新拟稿"
            en "this campaign's not-after has passed already: write it anew";
        /// Nothing goes out now: it is out of season, or quiet hours.
        /// Queue it with `--wait-for-window`; `--priority urgent` is for emergencies.
        OutOfHours { why: Bilingual, opens: String } = Refused "out_of_hours"
            zh "{why}，最早 {opens} 可以发送：加 --wait-for-window 排队等候，紧急的用 --priority urgent"
            en "{why}; it may go out from {opens}: queue it with --wait-for-window, or use --priority urgent for an emergency";
        /// The check code given is not that of the campaign or order as it is now.
        /// Look at it again: it was changed, or the code belongs to something else.
        CheckCodeDiffers = Refused "check_code_differs"
            zh "校验码不符：这已不是您看到的那一份，请重新查看"
            en "the check code differs: this is no longer what you were shown, look at it again";
        /// Sending is stopped, but the sending process has not said in time how many have left.
        /// See `run list`.
        StopNotCounted = Refused "stop_not_counted"
            zh "停发已生效，但发送进程没有在五秒内报出已发条数：请用 watchbell run list 查看"
            en "sending is stopped, but the sending process did not say within five seconds how many have left: see `watchbell run list`";
        /// Only what was submitted, approved or is going can be forecast.
        /// Submit it first.
        NotForecast { state: CampaignState } = Refused "nothing_to_forecast"
            zh "任务处于“{state}”状态：提交审批之后才能预测"
            en "the campaign is {state}: it can be forecast once it is submitted";
        /// The gateway's quota does not suffice for this campaign beside those that are approved already.
        /// Choose another time, fewer people, or a higher quota.
        QuotaExceeded {
            gateway: String,
            period: Period,
            at: String,
            used: i64,
            others: i64,
            own: i64,
            sum: i64,
            quota: i64,
        } = Refused "quota_exceeded"
            zh "网关 {gateway} 在 {at} 的{period}限额不够：已发 {used} + 其他任务 {others} + 本任务 {own} = {sum} 条，超过限额 {quota} 条：请改期、减少人数，或提高限额"
            en "gateway {gateway}'s {period} quota does not suffice for {at}: {used} gone + {others} of other campaigns + {own} of this one = {sum} segments, and {quota} are allowed: choose another time, fewer people, or a higher quota";
        /// The plan or one of its items has no name, or two items have the same.
        /// Name each item.
        ItemName { item: String } = Usage "item_without_own_name"
            zh "计划或条目“{item}”没有名字，或重复"
            en "the plan or item {item:?} has no name of its own";
        /// An item of the plan has no slots, or they do not rise.
        /// Give it a schedule.
        ItemSlots { item: String } = Usage "item_without_slots"
            zh "条目“{item}”没有发送时间，或时间没有按先后排列"
            en "item {item:?} has no slots, or they do not rise";
        /// The plan names groups that there are not. Nothing was written.
        /// Mend the names, or import the groups first.
        UnknownGroups { groups: Vec<Bilingual> } = Usage "unknown_groups"
            zh "没有这些组：{groups}；什么都没有写入"
            en "there are no such groups: {groups}; nothing was written";
        /// A work order of the plan has no id, or its text is too long.
        /// Shorten the text, or name the order.
        OrderText { order: String, longest: usize } = Usage "work_order_text_too_long"
            zh "委托单“{order}”的正文超过 {longest} 字，或没有代号"
            en "work order {order:?}: its text is longer than {longest} characters, or it has no id";
    }
}
