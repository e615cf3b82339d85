//! The demo's people, hired at its start.

use crate::{
    config::Secret,
    domain::{
        bilingual::bilingual,
        role::{Actor, Role},
    },
    service::{Office, ServiceError, refusal::DemoRefusal},
};

/// The demo's people.
pub(super) struct People {
    pub(super) clerk: Actor,
    pub(super) approver: Actor,
    pub(super) auditor: Actor,
}

/// The administrator, a clerk, an approver and an auditor, with passwords that nobody knows.
pub(super) async fn hire(office: &Office) -> Result<People, ServiceError> {
    let secret = |name: &str| Secret::new(format!("{name}-{}", uuid::Uuid::now_v7()));
    let nobody = machine();
    office
        .users()
        .add(&nobody, "admin", Role::Admin, None, &secret("admin"))
        .await?;
    let admin = Actor::User {
        name: "admin".to_owned(),
        role: Role::Admin,
    };
    let mut made = Vec::new();
    for (name, role) in [
        ("周晓岚", Role::Clerk),
        ("何志远", Role::Approver),
        ("秦明", Role::Auditor),
    ] {
        let password = secret(name);
        office
            .users()
            .add(&admin, name, role, None, &password)
            .await?;
        made.push(office.users().authenticate(name, &password).await?);
    }
    let mut made = made.into_iter();
    match (made.next(), made.next(), made.next()) {
        (Some(clerk), Some(approver), Some(auditor)) => Ok(People {
            clerk,
            approver,
            auditor,
        }),
        _ => Err(DemoRefusal::Failed {
            why: bilingual!("演示人员不齐", "the demo's people are not all there"),
        }
        .into()),
    }
}

/// Who acts before there are users.
pub(super) fn machine() -> Actor {
    Actor::System {
        account: "demo".to_owned(),
    }
}
