//! What the database's state refuses: somebody else was first, or the act is not possible any more.

use crate::domain::{
    id::{CampaignId, RunId},
    lifecycle::{CampaignAct, CampaignState, InvalidAct},
    refusal::refusals,
};

refusals! {
    /// Somebody else was first, or what was asked is not possible any more. Nothing was written.
    pub enum Refusal {
        /// A campaign in this state does not admit the act.
        /// `campaign show ID` says where it stands.
        CampaignState { state: CampaignState, act: CampaignAct } = Refused "wrong_campaign_state"
            zh "任务处于“{state}”状态，不能{act}"
            en "a campaign that is {state} cannot be {act}";
        /// Another person or process changed the campaign between reading and writing.
        /// Look at it again, then repeat the command.
        CampaignChanged { campaign: CampaignId } = Refused "campaign_changed_meanwhile"
            zh "任务 {campaign} 刚被别人改动，请重新查看"
            en "campaign {campaign} was changed by somebody else meanwhile: look again";
        /// What the decision was about is not what stands there now.
        /// Look at the campaign again and decide anew.
        NotAsSeen = Refused "not_as_seen"
            zh "任务已不是作出决定时看到的内容：请重新查看"
            en "the campaign is no longer what was decided about: look at it again";
        /// Another approval took of the gateways' quotas what this one counted on.
        /// Approve again: the forecast is computed anew.
        QuotasTaken = Refused "quotas_taken"
            zh "刚有另一个任务获批：限额须重新计算，请再批准一次"
            en "another campaign was approved meanwhile: the quotas have to be computed anew";
        /// A slot came, and the campaign does not fire in the state it is in.
        /// Resume or approve it, or let the slot pass.
        DoesNotFire { campaign: CampaignId, state: CampaignState } = Refused "campaign_does_not_fire"
            zh "任务 {campaign} 处于“{state}”状态，到点不发送"
            en "campaign {campaign} is {state}: it does not fire";
        /// A slot came, and the campaign has been changed and approved anew since.
        /// Nothing: it fires as it is now.
        ApprovedAnew { campaign: CampaignId } = Refused "campaign_approved_anew"
            zh "任务 {campaign} 已修改并重新获批：按现在的内容发送"
            en "campaign {campaign} was changed and approved anew: it fires as it is now";
        /// No message of the run is open any more.
        /// Nothing is left to do.
        RunOver { run: RunId } = Refused "run_is_over"
            zh "批次 {run} 已经结束，没有可取消的了"
            en "run {run} is over: nothing of it is left to cancel";
        /// The run is held and goes on only by the word of somebody who may release it, with a reason.
        /// `release --run ID --reason TEXT`.
        RunHeld { run: RunId } = Refused "run_is_held"
            zh "批次 {run} 是被扣住的：请用 watchbell release --run {run} --reason 理由 放行"
            en "run {run} is held: let it go with `watchbell release --run {run} --reason TEXT`";
        /// A cancelled run does not go on.
        /// Send anew to those who got nothing.
        RunCancelled { run: RunId } = Refused "run_is_cancelled"
            zh "批次 {run} 已经取消，不能再改"
            en "run {run} is cancelled and stays so";
        /// Another person or process changed the run between reading and writing.
        /// Look at it again, then repeat the command.
        RunChanged { run: RunId } = Refused "run_changed_meanwhile"
            zh "批次 {run} 刚被别人改动，请重新查看"
            en "run {run} was changed by somebody else meanwhile: look again";
        /// A recovery took the half-made run for a crash's and cleared it away.
        /// Send it again.
        RunClearedAway { run: RunId } = Refused "run_cleared_away"
            zh "批次 {run} 还没有生成完就被清理了：请重新发送"
            en "run {run} was cleared away while it was being made: send it again";
        /// Another person or process changed the work order between reading and writing.
        /// Look at it again, then repeat the command.
        OrderChanged { order: String } = Refused "work_order_changed_meanwhile"
            zh "委托单 {order} 刚被别人改动，请重新查看"
            en "work order {order} was changed by somebody else meanwhile: look again";
        /// Another process has taken the engine's lease; this one has stopped writing to carriers.
        /// Look which host's `/readyz` says `engine: true`; where none does, this one takes it back.
        LeaseTaken = Refused "lease_taken_over"
            zh "另一个发送引擎已接管本数据库"
            en "another engine has taken over this database's lease";
        /// The database was made by an older version of the program, and nobody has brought it up to date.
        /// Stop `serve`, make a backup, run `watchbell migrate`; or start the new `serve`. `stop` and `backup` work as it is.
        SchemaOlder { found: i64, known: i64 } = Refused "schema_older"
            zh "数据库还是旧版本的结构（{found}，本程序需要 {known}）：请停止 watchbell serve，备份后运行 watchbell migrate，或直接启动新版 watchbell serve"
            en "the database still has an older version's schema ({found}, this program needs {known}): stop `watchbell serve`, make a backup and run `watchbell migrate`, or start the new `watchbell serve`";
        /// A newer version of the program has brought the database up to date.
        /// Use that version.
        SchemaNewer { found: i64, known: i64 } = Refused "schema_newer"
            zh "数据库已由更新版本的程序升级（{found}，本程序只认识到 {known}）：请使用新版程序"
            en "a newer version of the program has brought the database up to date ({found}, this program knows {known}): use that version";
        /// The database was made in practice, and the settings now have gateways.
        /// Set `practice = true`, or use another `[database] url` for real sending.
        MadeForPractice = Usage "made_for_practice"
            zh "数据库与配置不符：这个数据库是演练用的，不能改作正式发送。请设 practice = true，或为正式发送另用一个数据库"
            en "this database was made for practice and stays so: set practice = true, or use another database for real sending";
        /// The database was made for real sending, and the settings now practise.
        /// Configure its gateways again, or use another `[database] url` for practice.
        MadeForReal = Usage "made_for_real_sending"
            zh "数据库与配置不符：这个数据库是正式发送用的，不能改作演练。请重新配置网关，或为演练另用一个数据库"
            en "this database was made for real sending and stays so: configure its gateways again, or use another database for practice";
    }
}

impl From<InvalidAct> for Refusal {
    fn from(InvalidAct { from, act }: InvalidAct) -> Self {
        Self::CampaignState { state: from, act }
    }
}
