//! A commit of which nothing was heard.

use super::*;
use crate::store::Limits;

async fn recorder(dir: &tempfile::TempDir) -> Recorder {
    let url = format!("sqlite://{}", dir.path().join("w.db").display());
    let store = Store::open(&url, Limits::default()).await.unwrap();
    let act = store.begin_entry("test", Micros(1)).await.unwrap();
    act.install(true).await.unwrap();
    Recorder::open(store, Clock::manual(Micros(2)), HashMap::new())
        .await
        .unwrap()
}

fn note(act: &str) -> Op {
    Op::Append(Event::Engine {
        node: "n".into(),
        act: act.into(),
    })
}

/// Leaves a commit whose answer was lost, and says how many entries there are.
async fn lose_answer(recorder: &mut Recorder, happened: bool) -> i64 {
    let (tx, head, done, places) = recorder
        .prepare(&[note("started")], &HashMap::new())
        .await
        .unwrap();
    if happened {
        tx.commit().await.unwrap();
    } else {
        drop(tx);
    }
    recorder.unconfirmed = head.map(|head| Unconfirmed { head, done, places });
    recorder
        .store
        .read("test")
        .await
        .unwrap()
        .head()
        .await
        .unwrap()
        .n
}

#[tokio::test]
async fn a_commit_that_happened_unheard_is_found_and_not_done_twice() {
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = recorder(&dir).await;
    let before = lose_answer(&mut recorder, true).await;
    let other = recorder.store.begin_entry("another process", Micros(4));
    let event = Event::Engine {
        node: "other".into(),
        act: "looked".into(),
    };
    other.await.unwrap().commit(&[event]).await.unwrap();
    let done = recorder.commit_or_find(&[note("started")]).await.unwrap();
    assert_eq!(done.head.unwrap().n, before);
    assert_eq!(
        recorder
            .store
            .read("test")
            .await
            .unwrap()
            .head()
            .await
            .unwrap()
            .n,
        before + 1
    );
}

#[tokio::test]
async fn a_commit_that_did_not_happen_is_done_again_also_when_another_process_took_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = recorder(&dir).await;
    let before = lose_answer(&mut recorder, false).await;
    let other = recorder.store.begin_entry("another process", Micros(4));
    let event = Event::Engine {
        node: "other".into(),
        act: "looked".into(),
    };
    other.await.unwrap().commit(&[event]).await.unwrap();
    let done = recorder.commit_or_find(&[note("started")]).await.unwrap();
    assert_eq!(done.head.unwrap().n, before + 2);
}
