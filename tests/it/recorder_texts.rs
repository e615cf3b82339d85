//! Texts from phones in the journal: none is lost because its carrier's id was seen before.

use watchbell::{domain::policy::OnDoubt::Hold, store::mo::KeptMo};

use crate::harness::journal::*;

impl Desk {
    async fn texts(&self) -> Vec<KeptMo> {
        let mut tx = self.store.read("test").await.unwrap();
        tx.mos_after(0, 100).await.unwrap()
    }
}

#[tokio::test]
async fn a_text_that_opts_out_counts_whatever_came_with_its_id_before() {
    on_each(async |mut desk| {
        desk.commit([writes(0, "0", "谢谢")]).await;
        desk.commit([writes(0, "0", "TD")]).await;
        assert_eq!(desk.texts().await.len(), 2);
        let (_, lane) = desk.run(1, 1, Hold).await;
        assert!(desk.claim(lane, 1).await.items.is_empty());
        assert_eq!(desk.state(lane, 0).await, "suppressed opt_out");
        desk.verify().await;
    })
    .await;
}

#[tokio::test]
async fn what_the_carrier_repeats_is_kept_once_and_the_same_words_a_day_later_again() {
    on_each(async |mut desk| {
        desk.commit([writes(0, "7", "几点开会"), writes(0, "7", "几点开会")])
            .await;
        desk.later(180);
        desk.commit([writes(0, "7", "几点开会")]).await;
        assert_eq!(desk.texts().await.len(), 1);
        desk.later(86_400);
        desk.commit([writes(0, "7", "几点开会")]).await;
        assert_eq!(desk.texts().await.len(), 2);
        // A clock set back makes no text a new one.
        desk.later(-300);
        desk.commit([writes(0, "7", "几点开会")]).await;
        assert_eq!(desk.texts().await.len(), 2);
        desk.verify().await;
    })
    .await;
}
