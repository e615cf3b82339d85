//! Who may do what: one table, which only the service asks.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    bilingual::{labelled_facts, labels},
    refusal::refusals,
};

/// What a person is in the office.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Drafts campaigns and keeps the address books.
    Clerk,
    /// Lets campaigns out, never their own.
    Approver,
    /// A carrier's staff: answers its own work orders and sees nothing else.
    Carrier,
    /// Only reads.
    Auditor,
    /// Runs the service; drafts and approves nothing.
    Admin,
}

impl Role {
    /// All, in the order in which they are listed.
    pub const ALL: [Self; 5] = [
        Self::Clerk,
        Self::Approver,
        Self::Carrier,
        Self::Auditor,
        Self::Admin,
    ];

    /// The name on the command line and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clerk => "clerk",
            Self::Approver => "approver",
            Self::Carrier => "carrier",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

labelled_facts!(Role, Act);

labels!(Role {
    Clerk: "经办人", "clerk";
    Approver: "审批人", "approver";
    Carrier: "运营商人员", "carrier's staff";
    Auditor: "审计员", "auditor";
    Admin: "管理员", "administrator";
});

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not the name of a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown role {0:?}: write clerk, approver, carrier, auditor or admin")]
pub struct UnknownRole(pub String);

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|r| r.as_str() == s)
            .ok_or_else(|| UnknownRole(s.to_owned()))
    }
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Put people into the address books.
    ImportContacts,
    /// Write a campaign.
    Draft,
    /// Hand a campaign in for approval.
    Submit,
    /// Queue a run where the office's settings ask for no approval.
    SendUnapproved,
    /// Let a campaign out.
    Approve,
    /// Give a campaign back to be mended.
    Return,
    /// Turn a campaign down for good.
    Reject,
    /// Halt one run.
    Pause,
    /// Let a halted run go on.
    Resume,
    /// End one run or campaign.
    Cancel,
    /// Halt all sending.
    Stop,
    /// Let a held database or run go on.
    Release,
    /// Settle a message in doubt by a person's word.
    Settle,
    /// Read campaigns, runs and the delivery log, with masked numbers.
    ReadLog,
    /// See whole numbers, with a reason that is logged.
    Unmask,
    /// Verify and export the ledger.
    Verify,
    /// Add, list and disable users, and set their passwords.
    ManageUsers,
    /// Log in to the gateways without sending.
    CheckGateways,
    /// Send acceptance texts through one gateway to test phones.
    AcceptGateway,
    /// Migrate, back up and restore the database.
    Maintain,
    /// Look at work orders; a carrier's staff only at their own.
    ReadOrders,
    /// Issue, correct, release, accept and close work orders.
    TendOrders,
    /// Take in what a carrier says of a work order; a carrier's staff only of their own.
    AnswerOrders,
}

impl Act {
    /// Every act there is, for tables and tests.
    pub const ALL: [Self; 23] = [
        Self::ImportContacts,
        Self::Draft,
        Self::Submit,
        Self::SendUnapproved,
        Self::Approve,
        Self::Return,
        Self::Reject,
        Self::Pause,
        Self::Resume,
        Self::Cancel,
        Self::Stop,
        Self::Release,
        Self::Settle,
        Self::ReadLog,
        Self::Unmask,
        Self::Verify,
        Self::ManageUsers,
        Self::CheckGateways,
        Self::AcceptGateway,
        Self::Maintain,
        Self::ReadOrders,
        Self::TendOrders,
        Self::AnswerOrders,
    ];

    /// The table. Both matches are without a catch-all, so a new act or role is decided for each pair.
    pub const fn allowed_to(self, role: Role) -> bool {
        use Role::{Admin, Approver, Auditor, Carrier, Clerk};
        match self {
            Self::Draft | Self::Submit | Self::SendUnapproved => matches!(role, Clerk),
            Self::Approve | Self::Return | Self::Reject => matches!(role, Approver),
            // Of an acceptance the program writes the texts, and the phones are the office's own.
            Self::ImportContacts | Self::AcceptGateway => matches!(role, Clerk | Admin),
            // Who sees that something goes wrong must be able to halt it.
            Self::Pause | Self::Resume | Self::Cancel | Self::Stop => {
                matches!(role, Clerk | Approver | Admin)
            }
            // A clerk's own run may be what is held: somebody else looks at it.
            Self::Release | Self::Settle => matches!(role, Approver | Admin),
            Self::ReadLog | Self::Verify => match role {
                Clerk | Approver | Auditor | Admin => true,
                Carrier => false,
            },
            Self::Unmask => matches!(role, Clerk | Approver | Auditor | Admin),
            Self::ManageUsers | Self::CheckGateways | Self::Maintain => matches!(role, Admin),
            // Whose order it is, the service asks besides.
            Self::ReadOrders => match role {
                Clerk | Approver | Auditor | Admin | Carrier => true,
            },
            Self::TendOrders => matches!(role, Clerk),
            Self::AnswerOrders => matches!(role, Clerk | Carrier),
        }
    }

    /// What the operating-system account may do: whoever holds it holds the database's file, so a ban
    /// would protect nothing; but it is no person, and four eyes are two people.
    pub const fn allowed_to_system(self) -> bool {
        !matches!(self, Self::Submit | Self::Approve)
    }
}

labels!(Act {
    ImportContacts: "导入通讯录", "import contacts";
    Draft: "起草短信任务", "draft campaigns";
    Submit: "提交审批", "submit campaigns for approval";
    SendUnapproved: "直接发送", "send without approval";
    Approve: "审批", "approve campaigns";
    Return: "退回", "return campaigns";
    Reject: "否决", "reject campaigns";
    Pause: "暂停发送", "pause runs";
    Resume: "恢复发送", "resume runs";
    Cancel: "取消发送", "cancel runs";
    Stop: "全部停发", "stop all sending";
    Release: "解除挂起", "release what is held";
    Settle: "裁定存疑短信", "settle doubtful messages";
    ReadLog: "查看发送记录", "read the delivery log";
    Unmask: "查看完整号码", "see whole numbers";
    Verify: "核验台账", "verify the ledger";
    ManageUsers: "管理用户", "manage users";
    CheckGateways: "检查网关", "check gateways";
    AcceptGateway: "做网关联调", "run a gateway's acceptance";
    Maintain: "维护数据库", "maintain the database";
    ReadOrders: "查看委托单", "look at work orders";
    TendOrders: "办理委托单", "issue and release work orders";
    AnswerOrders: "答复委托单", "answer work orders";
});

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person who proved to be it.
    User {
        /// The user's name.
        name: String,
        /// What it is.
        role: Role,
    },
    /// The operating-system account that runs the command.
    System {
        /// Its name.
        account: String,
    },
}

impl Actor {
    /// May this actor do it at all? Whether this very thing allows it, the lifecycle says.
    pub fn may(&self, act: Act) -> Result<(), Forbidden> {
        let allowed = match self {
            Self::User { role, .. } => act.allowed_to(*role),
            Self::System { .. } => act.allowed_to_system(),
        };
        if allowed {
            Ok(())
        } else {
            Err(self.may_not(act))
        }
    }

    fn may_not(&self, act: Act) -> Forbidden {
        match self {
            Self::User { name, role } => Forbidden::Role {
                user: name.clone(),
                role: *role,
                act,
                ask: Role::ALL
                    .into_iter()
                    .filter(|r| act.allowed_to(*r))
                    .collect(),
            },
            Self::System { account } => Forbidden::PersonNeeded {
                account: account.clone(),
                act,
            },
        }
    }

    /// May this actor approve what these people wrote and submitted? Never one's own.
    pub fn may_approve<'a>(&self, own: impl IntoIterator<Item = &'a str>) -> Result<(), Forbidden> {
        self.may(Act::Approve)?;
        if own.into_iter().any(|name| name == self.name()) {
            return Err(Forbidden::Own {
                user: self.name().to_owned(),
            });
        }
        Ok(())
    }

    /// The name in the ledger: `system:root` cannot be a user's name.
    pub fn label(&self) -> String {
        match self {
            Self::User { name, .. } => name.clone(),
            Self::System { account } => format!("system:{account}"),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::User { name, .. } => name,
            Self::System { account } => account,
        }
    }
}

refusals! {
    /// The rules say no.
    pub enum Forbidden {
        /// The user's role does not do that.
        /// Ask somebody of a role that is named.
        Role { user: String, role: Role, act: Act, ask: Vec<Role> } = Refused "role_may_not"
            zh "{user} 是{role}，不能{act}。请由其中之一来做：{ask}。"
            en "{user} is {role} and may not {act}. Ask: {ask}.";
        /// The operating-system account does not do that: a person must answer for it.
        /// Add `--as USER`.
        PersonNeeded { account: String, act: Act } = Refused "person_needed"
            zh "系统账号 {account} 不能{act}：要有具体的人负责。请加 --as 用户名。"
            en "the operating-system account {account} may not {act}: a person must answer for it. Add --as USER.";
        /// Nobody approves what they wrote or submitted.
        /// Ask another approver.
        Own { user: String } = Refused "not_your_own"
            zh "{user} 不能审批自己起草或提交的任务。请由另一位审批人审批。"
            en "{user} may not approve what {user} wrote or submitted. Ask another approver.";
    }
}

/// A user's name: letters (of any script), digits, `.`, `-` and `_`, at most 32.
pub fn check_user_name(name: &str) -> Result<(), BadUserName> {
    let fits = (1..=32).contains(&name.chars().count())
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if fits {
        Ok(())
    } else {
        Err(BadUserName(name.to_owned()))
    }
}

/// The name cannot be a user's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be a user's name: write 1 to 32 letters, digits, '.', '-' or '_'")]
pub struct BadUserName(pub String);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lang::Lang;

    fn user(name: &str, role: Role) -> Actor {
        Actor::User {
            name: name.into(),
            role,
        }
    }

    #[test]
    fn the_table_as_a_whole() {
        let row = |act: Act| {
            let roles = Role::ALL.map(|r| if act.allowed_to(r) { 'x' } else { '.' });
            let system = if act.allowed_to_system() { 'x' } else { '.' };
            roles.into_iter().chain([system]).collect::<String>()
        };
        // clerk, approver, carrier, auditor, admin, operating-system account
        let expected = [
            "x...xx", "x....x", "x.....", "x....x", ".x....", ".x...x", ".x...x", "xx..xx",
            "xx..xx", "xx..xx", "xx..xx", ".x..xx", ".x..xx", "xx.xxx", "xx.xxx", "xx.xxx",
            "....xx", "....xx", "x...xx", "....xx", "xxxxxx", "x....x", "x.x..x",
        ];
        assert_eq!(Act::ALL.map(row), expected.map(str::to_owned));
    }

    #[test]
    fn nobody_approves_their_own() {
        let li = user("li", Role::Approver);
        assert!(li.may_approve(["wang", "zhao"]).is_ok());
        assert_eq!(
            li.may_approve(["wang", "li"]),
            Err(Forbidden::Own { user: "li".into() })
        );
        assert!(user("wang", Role::Clerk).may_approve([]).is_err());
    }

    #[test]
    fn the_account_of_the_machine_is_no_person() {
        let root = Actor::System {
            account: "root".into(),
        };
        for act in Act::ALL {
            assert_eq!(
                root.may(act).is_ok(),
                !matches!(act, Act::Submit | Act::Approve),
                "{act:?}"
            );
        }
        let said = root.may(Act::Approve).unwrap_err();
        assert!(said.text(Lang::Zh).contains("--as"), "{said}");
    }

    #[test]
    fn an_auditor_changes_nothing_and_a_carrier_answers_orders_only() {
        let reads = [Act::ReadLog, Act::Unmask, Act::Verify, Act::ReadOrders];
        let answers = [Act::ReadOrders, Act::AnswerOrders];
        for act in Act::ALL {
            assert_eq!(
                act.allowed_to(Role::Auditor),
                reads.contains(&act),
                "{act:?}"
            );
            assert_eq!(
                act.allowed_to(Role::Carrier),
                answers.contains(&act),
                "{act:?}"
            );
        }
    }

    #[test]
    fn user_names_are_plain() {
        for good in ["li", "王敏", "zhao.lei-2"] {
            assert!(check_user_name(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "system:root", "a/b", &"x".repeat(33)] {
            assert!(check_user_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn roles_read_back() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
    }
}
