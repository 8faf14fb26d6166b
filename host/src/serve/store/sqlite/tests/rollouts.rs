//! Rollouts: at each moment one version of a name is active, and the way back leads to what was before.

use super::*;
use crate::model::State;
use crate::serve::canary::{Canaries, Share};
use crate::serve::plugin::{Handover, Rollout, Stage, Step, Version};
use crate::serve::store::Before;

const OLD: &str = "01";
const NEW: &str = "02";

fn version(digest: &str) -> Version {
    Version {
        name: name("feed"),
        version: digest.to_owned(),
        digest: digest.to_owned(),
        bytes: 1,
        contract: String::new(),
        imports: Vec::new(),
        needs: Vec::new(),
        state_version: 1,
        summary: String::new(),
        config_schema: String::new(),
        uploaded_by: None,
        uploaded_at: NOW,
    }
}

fn step() -> Step {
    Step { at: NOW, what: "done".to_owned() }
}

fn state(text: &str, version: u32, digest: &str) -> State {
    State { text: text.to_owned(), version, plugin_digest: digest.to_owned() }
}

impl Fixture {
    /// Begins a rollout, of which so much is asked.
    async fn begin(&self, id: &str, from: Option<&str>, to: &str, share: u8) {
        self.store.add_version(version(to)).await.expect("added");
        let rollout = Rollout {
            id: id.to_owned(),
            name: name("feed"),
            from: from.map(str::to_owned),
            to: Some(to.to_owned()),
            handover: Handover::AtEnd,
            share: Share::new(share).expect("a share"),
            canaries: None,
            stage: Stage::Checking,
            steps: Vec::new(),
            started_at: NOW,
        };
        self.store.begin_rollout(rollout).await.expect("begun");
    }

    async fn active(&self) -> Vec<(String, Handover)> {
        let active = self.store.active().await.expect("active versions");
        active.into_iter().map(|(_, digest, handover)| (digest, handover)).collect()
    }

    async fn switch(&self, id: &str, before: Stage, stage: Stage) {
        self.store.switch(id, before, stage, step()).await.expect("switched");
    }
}

/// A store whose name `feed` has an old version.
async fn with_old() -> Fixture {
    let fixture = Fixture::new(&["a"]).await;
    fixture.begin("1", None, OLD, 100).await;
    fixture.switch("1", Stage::Checking, Stage::Done).await;
    fixture
}

#[tokio::test]
async fn a_crash_at_any_step_of_a_canary_leaves_one_active_version() {
    let old = vec![(OLD.to_owned(), Handover::AtEnd)];
    let back = vec![(OLD.to_owned(), Handover::AtCheckpoint)];
    let new = vec![(NEW.to_owned(), Handover::AtEnd)];
    let canaries = Canaries { below: 7 };
    for end in [Stage::Watching, Stage::RolledBack] {
        let fixture = with_old().await;
        fixture.begin("2", Some(OLD), NEW, 10).await;
        let fixture = fixture.reopen();
        assert_eq!(fixture.active().await, old);
        fixture.store.begin_canary("2", Stage::Checking, canaries, step()).await.expect("begun");
        let fixture = fixture.reopen();
        assert_eq!(fixture.active().await, old);
        let rollout = fixture.store.rollout("2").await.expect("it");
        let found = (rollout.stage, rollout.share.percent(), rollout.canaries);
        assert_eq!(found, (Stage::Canary, 10, Some(canaries)));
        assert_eq!(fixture.store.open_rollouts().await.expect("it"), [rollout]);
        let again = fixture.store.begin_canary("2", Stage::Checking, canaries, step()).await;
        assert_eq!(kind(again), "conflict");
        fixture.switch("2", Stage::Canary, end).await;
        let fixture = fixture.reopen();
        assert_eq!(fixture.active().await, if end == Stage::Watching { new.clone() } else { back.clone() });
        let late = fixture.store.switch("2", Stage::Canary, Stage::RolledBack, step()).await;
        assert_eq!(kind(late), "conflict");
    }
}

#[tokio::test]
async fn a_connection_goes_back_to_what_was_before_a_version_that_was_rolled_back() {
    let states = [None, Some(state("1", 1, OLD)), Some(state("1", 0, OLD))];
    let ends = [
        (vec![], false),
        (vec![(Stage::Checking, Stage::Watching)], false),
        (vec![(Stage::Checking, Stage::Watching), (Stage::Watching, Stage::Done)], false),
        (vec![(Stage::Checking, Stage::Watching), (Stage::Watching, Stage::RolledBack)], true),
    ];
    for (kept, (stages, is_undone)) in states.iter().flat_map(|state| ends.iter().map(move |end| (state, end))) {
        let fixture = with_old().await;
        let (a, c) = (name("a"), name("c"));
        let definition = Definition {
            document: serde_json::from_str(r#"{"strategy": "feed"}"#).expect("a document"),
            ..definition()
        };
        fixture.store.put_connection(&a, &c, definition, None, Expected::Anything).await.expect("put");
        fixture.begin("2", Some(OLD), NEW, 100).await;
        fixture.store.keep_state(&a, &c, kept.clone(), NEW).await.expect("kept");
        for (before, stage) in stages {
            fixture.switch("2", *before, *stage).await;
        }
        let expected = is_undone.then(|| kept.clone().map_or(Before::Nothing, Before::State));
        assert_eq!(fixture.store.way_back(&a, &c, NEW).await.expect("an answer"), expected, "{stages:?}");
        assert_eq!(fixture.store.way_back(&a, &c, OLD).await.expect("an answer"), None);
    }
}

#[tokio::test]
async fn of_each_form_of_state_the_last_is_kept() {
    let fixture = with_old().await;
    let (a, c) = (name("a"), name("c"));
    fixture.put("a", "c", None).await;
    for (kept, successor) in [
        (Some(state("1", 1, OLD)), NEW),
        (Some(state("2", 1, OLD)), NEW),
        (Some(state("3", 2, NEW)), "03"),
        (None, "04"),
    ] {
        fixture.store.keep_state(&a, &c, kept, successor).await.expect("kept");
    }
    let cases =
        [(0, None), (1, Some(state("2", 1, OLD))), (2, Some(state("3", 2, NEW))), (9, Some(state("3", 2, NEW)))];
    for (form, expected) in cases {
        assert_eq!(fixture.store.kept_state(&a, &c, form).await.expect("an answer"), expected, "{form}");
    }
}

#[tokio::test]
async fn what_an_earlier_version_kept_is_there_still() {
    let folder = tempfile::tempdir().expect("a folder");
    let sql = rusqlite::Connection::open(folder.path().join("tidegate.db")).expect("a database");
    sql.execute_batch(&format!(
        "{} {} PRAGMA user_version = 2;
         INSERT INTO tenants (name, created_at) VALUES ('a', 1);
         INSERT INTO connections (tenant, name, document, is_paused, revision, created_at, updated_at)
             VALUES ('a', 'c', '{{\"strategy\":\"feed\"}}', 0, 7, 1, 1);
         INSERT INTO kept_states VALUES ('a', 'c', 1, '\"kept\"', 'd0');
         INSERT INTO rollouts VALUES ('1', 'feed', NULL, NULL, '\"at_end\"', 'watching', 0, '[]', 1);",
        include_str!("../schema.sql"),
        include_str!("../plugins.sql"),
    ))
    .expect("a store of version 2");
    drop(sql);
    let fixture = Fixture { store: open(folder.path()), folder };
    let (a, c) = (name("a"), name("c"));
    let kept = fixture.store.kept_state(&a, &c, 1).await.expect("an answer");
    assert_eq!(kept, Some(state("\"kept\"", 1, "d0")));
    let rollout = fixture.store.rollout("1").await.expect("it");
    assert_eq!((rollout.stage, rollout.share, rollout.canaries), (Stage::Watching, Share::ALL, None));
    assert_eq!(fixture.store.tenant(&a).await.expect("it").revision, 0);
}
