//! `gateways check`: is every gateway found as it is, and is nothing sent?

use std::time::Duration;

use sqlx::Connection as _;
use tokio::io::AsyncReadExt as _;
use watchbell::{
    config::{Config, Kind},
    domain::role::Actor,
    engine::lock::EngineLock,
    service::gateways::{Finding, Listener},
    simulate::Settings,
};

use crate::{
    harness::county::{County, carrier},
    harness::ledger::Base,
};

fn somebody() -> Actor {
    Actor::System {
        account: "test".to_owned(),
    }
}

fn more(county: &mut County, change: impl FnOnce(&mut Config)) {
    let mut config = (*county.office.config).clone();
    change(&mut config);
    county.office.config = config.into();
}

#[tokio::test]
async fn a_gateway_that_lets_us_in_is_fine_and_gets_nothing() {
    let county = County::open(carrier(), "", "links = 3").await;
    let found = county
        .office
        .gateways()
        .check(&somebody(), false)
        .await
        .unwrap();
    assert!(found.ok && !found.engine_elsewhere, "{found:?}");
    assert_eq!(
        (found.gateways[0].links_up, &found.gateways[0].finding),
        (3, &Finding::Fine)
    );
    let counts = county.carrier.counts();
    assert_eq!((counts.logins, counts.submits), (3, 0));
}

#[tokio::test]
async fn a_refused_login_is_tried_once_and_named_with_its_status() {
    let settings = Settings {
        password: Some("another".to_owned()),
        ..carrier()
    };
    let county = County::open(settings, "", "links = 2").await;
    let found = county
        .office
        .gateways()
        .check(&somebody(), false)
        .await
        .unwrap();
    let Finding::LoginRefused(why) = &found.gateways[0].finding else {
        panic!("{found:?}")
    };
    assert!(why.contains("status 3"), "{why}");
    assert_eq!(county.carrier.counts().refused_logins, 1);
}

#[tokio::test]
async fn what_is_set_wrong_or_not_there_is_told_apart() {
    let mut county = County::open(carrier(), "", "").await;
    more(&mut county, |config| {
        let mut wrong = config.gateways[0].clone();
        wrong.id.0 = "wrong".to_owned();
        wrong.account = "longer than six".to_owned();
        let mut gone = config.gateways[0].clone();
        gone.id.0 = "gone".to_owned();
        // Nothing listens on the port that only root may take.
        gone.address = "127.0.0.1:9".to_owned();
        config.gateways.extend([wrong, gone]);
    });
    let found = county
        .office
        .gateways()
        .check(&somebody(), false)
        .await
        .unwrap();
    assert!(!found.ok);
    assert_eq!(found.gateways[0].finding, Finding::Fine);
    assert!(
        matches!(found.gateways[1].finding, Finding::BadSettings(_)),
        "{found:?}"
    );
    assert!(
        matches!(found.gateways[2].finding, Finding::Unreachable(_)),
        "{found:?}"
    );
}

#[tokio::test]
async fn where_the_carrier_dials_us_we_say_whether_we_can_listen() {
    let settings = Settings {
        protocol: Kind::Sgip12,
        ..carrier()
    };
    let mut county = County::open(settings, "", "").await;
    let listener = async |county: &County| {
        let found = county.office.gateways().check(&somebody(), false).await;
        let found = found.unwrap();
        let gateway = &found.gateways[0];
        assert_eq!(
            gateway.finding,
            Finding::Fine,
            "the login is its own question"
        );
        (found.ok, gateway.listener.clone().unwrap())
    };
    let (ok, free) = listener(&county).await;
    assert!(ok && matches!(free, Listener::Free { .. }), "{free:?}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let listens = |address: String| {
        move |config: &mut Config| {
            let extra = &mut config.gateways[0].extra;
            extra.insert("listen".to_owned(), address.into());
        }
    };
    more(&mut county, listens(address));
    let (ok, failed) = listener(&county).await;
    assert!(
        !ok && matches!(failed, Listener::Failed { .. }),
        "{failed:?}"
    );
    more(&mut county, listens(String::new()));
    assert_eq!(listener(&county).await, (true, Listener::None));
}

#[tokio::test]
async fn beside_a_running_engine_only_one_link_is_tried_unless_forced() {
    let county = County::open(carrier(), "", "links = 2").await;
    let _engine = EngineLock::try_take(&county.office.store, "engine")
        .await
        .unwrap()
        .unwrap();
    let found = county
        .office
        .gateways()
        .check(&somebody(), false)
        .await
        .unwrap();
    assert!(found.ok && found.engine_elsewhere, "{found:?}");
    assert_eq!(county.carrier.counts().logins, 1);
    let found = county
        .office
        .gateways()
        .check(&somebody(), true)
        .await
        .unwrap();
    assert_eq!((found.ok, found.gateways[0].links_up), (true, 2));
}

#[tokio::test]
async fn a_check_lets_go_of_its_links_when_another_engine_takes_the_lease() {
    // On SQLite the lock is the operating system's and can't be lost.
    for base in Base::all().await.into_iter().filter(|b| !b.is_sqlite()) {
        // It takes the connection and never answers the login.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut office = base.office().await;
        let mut config = (*office.config).clone();
        config.gateways[0].address = silent.local_addr().unwrap().to_string();
        office.config = config.into();
        let somebody = somebody();
        let check = office.gateways().check(&somebody, false);
        let taken = async {
            let (mut link, _) = silent.accept().await.unwrap();
            take_the_lease(&base).await;
            let since = tokio::time::Instant::now();
            let mut bytes = Vec::new();
            link.read_to_end(&mut bytes).await.unwrap();
            since.elapsed()
        };
        let (found, open_for) = tokio::join!(check, taken);
        let found = found.unwrap();
        assert!(!found.ok);
        assert_eq!(found.gateways[0].finding, Finding::LeaseLost);
        assert!(open_for < Duration::from_secs(4), "{open_for:?}");
    }
}

/// As an engine does that found the lease run out.
async fn take_the_lease(base: &Base) {
    let mut hand = sqlx::PgConnection::connect(&base.url).await.unwrap();
    let taken =
        sqlx::query("UPDATE engine_lease SET holder = 'another', until_us = 9000000000000000")
            .execute(&mut hand)
            .await
            .unwrap();
    assert_eq!(taken.rows_affected(), 1);
}
