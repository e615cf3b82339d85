//! kill -9 between a request and its answer: the carrier has one order, not two.

use watchbell::{
    clock::Clock,
    domain::{carrier::Carrier, role::Role},
    simulate::orders::{OrderDesk, OrderSettings},
};

use crate::{
    harness::county::carrier,
    harness::postgres,
    harness::program::{Stage, eventually, password_of},
    harness::town::SECRET,
};

const PLAN: &str = r#"
[plan]
name = "june"
title = "六月"
year = 2030

[[work_orders]]
id = "telecom"
carrier = "telecom"
name = "委托电信"
text = "天热请看护好孩子，不到忻河、水库游泳。"
signature = "云岭县安委办"
audience = "县内全部电信用户"
from = 2030-06-05
to = 2030-06-06
contact = "周晓岚"
"#;

async fn killed_in_between(database: &str) {
    let clock = Clock::system();
    let zone = chrono_tz::Asia::Shanghai;
    let settings = OrderSettings::new(Carrier::Telecom, SECRET, clock, zone);
    let desk = OrderDesk::start(settings).await.unwrap();
    let orders = format!(
        "\n[[work_order_carriers]]\ncarrier = \"telecom\"\nurl = \"{}\"\nsecret = \"{SECRET}\"\n",
        desk.url()
    );
    let mut stage = Stage::with_database(database, carrier(), "", "").await;
    stage.text.push_str(&orders);
    stage.configure(|_| {});
    let office = stage.office().await;
    let machine = crate::harness::story::machine();
    let admin = watchbell::domain::role::Actor::User {
        name: "admin".into(),
        role: Role::Admin,
    };
    for (by, name, role) in [
        (&machine, "admin", Role::Admin),
        (&admin, "zhao", Role::Clerk),
        (&admin, "li", Role::Approver),
    ] {
        let password = watchbell::config::Secret::new(password_of(name));
        office
            .users()
            .add(by, name, role, None, &password)
            .await
            .unwrap();
    }
    office.store.close().await;
    let plan = stage.file("plan.toml", PLAN).display().to_string();
    let json = stage
        .run_as("zhao", &["plan", "import", &plan, "--json"])
        .await
        .ok()
        .json();
    let id = json["items"][0]["work_order"].as_str().unwrap().to_owned();
    let own = stage.run_as("zhao", &["work-order", "approve", &id]).await;
    assert_eq!(own.code, Some(1), "{own:?}");
    stage
        .run_as("li", &["work-order", "approve", &id])
        .await
        .ok();
    stage
        .run_as("zhao", &["work-order", "issue", &id])
        .await
        .ok();
    let shown = async || {
        stage
            .run(&["work-order", "show", &id, "--json"])
            .await
            .ok()
            .json()
    };
    assert_eq!(shown().await["state"], "issued");

    desk.mute(true);
    let (mut daemon, _) = stage.serve().await;
    eventually("the carrier has the order", async || {
        desk.counts().orders == 1
    })
    .await;
    daemon.kill().await;
    desk.mute(false);
    // Nobody here knows that it arrived.
    let (daemon, _) = stage.serve().await;
    eventually("it was told again", async || desk.counts().repeated == 1).await;
    eventually("the answer is kept", async || desk.counts().questions > 0).await;
    daemon.ends_well().await;
    let counts = desk.counts();
    assert_eq!((counts.orders, counts.repeated, counts.unsigned), (1, 1, 0));
    let list = stage
        .run(&["work-order", "list", "--json"])
        .await
        .ok()
        .json();
    assert_eq!(list["work_orders"].as_array().unwrap().len(), 1);
    let late = stage
        .run(&["work-order", "list", "--overdue", "--json"])
        .await
        .ok()
        .json();
    assert_eq!(late["work_orders"].as_array().unwrap().len(), 0);
    let verdict = stage.run(&["audit", "verify", "--json"]).await.ok().json();
    assert_eq!(verdict["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_request_and_answer_there_is_one_order() {
    killed_in_between("sqlite://watchbell.db").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_request_and_answer_there_is_one_order_on_a_server() {
    let Some(database) = postgres::scratch().await else {
        println!("no WATCHBELL_TEST_POSTGRES: scripts/test brings one");
        return;
    };
    killed_in_between(&database).await;
}
