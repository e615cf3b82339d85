//! The audit finds what somebody changed in the chain itself, and a second program agrees.

use watchbell::{
    domain::ledger::{Head, Header, events_root},
    service::audit,
};

use crate::audit_support::{Base, Story};

#[tokio::test]
async fn an_untouched_database_verifies_and_a_second_program_agrees() {
    for base in Base::all().await {
        let empty = audit::verify(&base.store, None).await.unwrap();
        assert_eq!((empty.ok, empty.entries, empty.head), (true, 0, Head::EMPTY));
        assert_eq!(base.second_opinion().await.0, true);
        let mut story = Story::begin(&base).await;
        let noted = story.head().await;
        story.live().await;
        story.end().await;
        let verdict = audit::verify(&base.store, Some(noted)).await.unwrap();
        assert_eq!(verdict.first_difference, None);
        assert_eq!(verdict.head, story.head().await);
        let (ok, words) = base.second_opinion().await;
        assert!(ok && words.contains(&verdict.head.to_string()) && words.contains(&hex::encode(verdict.root)), "{words}");
        let json = serde_json::to_value(&verdict).unwrap();
        assert_eq!(json["head"], verdict.head.to_string());
        assert!(json.get("first_difference").is_none());
    }
}
