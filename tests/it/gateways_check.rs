//! `gateways check`: is every gateway found as it is, and is nothing sent?

use watchbell::{
    config::Config, domain::role::Actor, engine::lock::EngineLock, service::gateways::Finding,
    simulate::Settings,
};

use crate::county_support::{County, carrier};

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
        .check_gateways(&somebody(), false)
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
        .check_gateways(&somebody(), false)
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
        .check_gateways(&somebody(), false)
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
async fn beside_a_running_engine_only_one_link_is_tried_unless_forced() {
    let county = County::open(carrier(), "", "links = 2").await;
    let _engine = EngineLock::try_take(&county.office.store, "engine")
        .await
        .unwrap()
        .unwrap();
    let found = county
        .office
        .check_gateways(&somebody(), false)
        .await
        .unwrap();
    assert!(found.ok && found.engine_elsewhere, "{found:?}");
    assert_eq!(county.carrier.counts().logins, 1);
    let found = county
        .office
        .check_gateways(&somebody(), true)
        .await
        .unwrap();
    assert_eq!((found.ok, found.gateways[0].links_up), (true, 2));
}
