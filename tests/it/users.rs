//! Users: who may come in, and who lets them.

use watchbell::{
    config::Secret,
    domain::role::{Actor, Role},
};

use crate::harness::story::{machine, misused, on_each_database, refused};

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

#[tokio::test]
async fn the_first_user_is_free_and_later_ones_need_an_administrator() {
    on_each_database(async |story| {
        let office = &story.office;
        let admin = story.person("admin", Role::Admin).await;
        let wang = story.person("wang", Role::Clerk).await;
        let password = secret("long enough");
        for nobody in [machine(), wang] {
            let said = refused(
                office
                    .users()
                    .add(&nobody, "li", Role::Approver, None, &password)
                    .await,
            );
            assert!(said.contains("administrator"), "{said}");
        }
        office
            .users()
            .add(&admin, "li", Role::Approver, None, &password)
            .await
            .unwrap();
        let said = refused(
            office
                .users()
                .add(&admin, "li", Role::Clerk, None, &password)
                .await,
        );
        assert!(said.contains("exists already"), "{said}");
        let names: Vec<_> = office.users().list(&admin).await.unwrap();
        let names: Vec<_> = names.iter().map(|u| (u.name.as_str(), u.role)).collect();
        assert_eq!(
            names,
            [
                ("admin", Role::Admin),
                ("li", Role::Approver),
                ("wang", Role::Clerk)
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn an_office_without_an_administrator_can_get_one_from_the_machines_account() {
    on_each_database(async |story| {
        story.person("wang", Role::Clerk).await;
        let password = secret("long enough");
        refused(
            story
                .office
                .users()
                .add(&machine(), "li", Role::Approver, None, &password)
                .await,
        );
        story
            .office
            .users()
            .add(&machine(), "admin", Role::Admin, None, &password)
            .await
            .unwrap();
        refused(
            story
                .office
                .users()
                .add(&machine(), "admin2", Role::Admin, None, &password)
                .await,
        );
    })
    .await;
}

#[tokio::test]
async fn only_who_knows_the_password_and_is_not_disabled_comes_in() {
    on_each_database(async |story| {
        let office = &story.office;
        let admin = story.person("admin", Role::Admin).await;
        let wang = story.person("wang", Role::Clerk).await;
        let right = secret("wang of the office");
        assert_eq!(
            wang,
            Actor::User {
                name: "wang".into(),
                role: Role::Clerk
            }
        );
        let wrong = refused(
            office
                .users()
                .authenticate("wang", &secret("something else"))
                .await,
        );
        let unknown = refused(office.users().authenticate("wong", &right).await);
        assert_eq!(wrong.replace("wang", ""), unknown.replace("wong", ""));

        office.users().disable(&admin, "wang").await.unwrap();
        let said = refused(office.users().authenticate("wang", &right).await);
        assert!(said.contains("disabled"), "{said}");
        // Whoever only guesses does not learn it.
        let said = refused(
            office
                .users()
                .authenticate("wang", &secret("something else"))
                .await,
        );
        assert_eq!(said, wrong);

        office.users().enable(&admin, "wang").await.unwrap();
        office.users().authenticate("wang", &right).await.unwrap();
        refused(office.users().disable(&admin, "admin").await);
        refused(office.users().disable(&wang, "admin").await);
        misused(office.users().disable(&admin, "nobody").await);
    })
    .await;
}

#[tokio::test]
async fn one_sets_ones_own_password_and_an_administrator_anybodys() {
    on_each_database(async |story| {
        let office = &story.office;
        let admin = story.person("admin", Role::Admin).await;
        let wang = story.person("wang", Role::Clerk).await;
        let li = story.person("li", Role::Approver).await;
        office
            .users()
            .set_password(&wang, "wang", &secret("a new one, longer"))
            .await
            .unwrap();
        refused(
            office
                .users()
                .authenticate("wang", &secret("wang of the office"))
                .await,
        );
        office
            .users()
            .authenticate("wang", &secret("a new one, longer"))
            .await
            .unwrap();
        refused(
            office
                .users()
                .set_password(&li, "wang", &secret("another one"))
                .await,
        );
        refused(
            office
                .users()
                .set_password(&wang, "wang", &secret("short"))
                .await,
        );
        office
            .users()
            .set_password(&admin, "wang", &secret("set by admin"))
            .await
            .unwrap();
        office
            .users()
            .authenticate("wang", &secret("set by admin"))
            .await
            .unwrap();
        // Neither password nor hash is in the ledger.
        let ledger = format!("{:?}", story.events().await);
        assert!(!ledger.contains("argon2") && !ledger.contains("set by admin"));
    })
    .await;
}

#[tokio::test]
async fn two_who_want_to_be_the_first_do_not_both_become_it() {
    on_each_database(async |story| {
        let (one, other) = (&story.office, &story.another_office().await);
        let password = secret("long enough");
        let (root, password) = (machine(), &password);
        let (a, b) = tokio::join!(
            one.users().add(&root, "a", Role::Admin, None, password),
            other.users().add(&root, "b", Role::Admin, None, password)
        );
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
        other.store.close().await;
    })
    .await;
}
