//! Which kind of API a strategy reads: found out by letting it ask.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::scenario::{self, Api};
use super::survey::paused;
use super::trial::{Trial, conduct};
use crate::plugin::{Manifest, Strategy};

/// The kind of API that a strategy reads under this configuration; none where it asks for none of the simulated ones.
pub fn recognize(strategy: &Arc<dyn Strategy>, manifest: &Manifest, config: &Map<String, Value>) -> Option<Api> {
    let config = Value::Object(config.clone()).to_string();
    let plain = scenario::of(Api::Keyset).into_iter().next()?;
    let asked = paused(async {
        let (_, lab) = conduct(Arc::clone(strategy), config, &plain, 0, None, Trial::PLAIN).await;
        lab.world().asked().to_owned()
    })?;
    asked.iter().find_map(|path| match path.as_str() {
        "/pagination/keyset" => Some(Api::Keyset),
        "/pagination/offset" => Some(Api::Offset),
        "/incremental/step" => Some(Api::StepSize),
        "/incremental/replay" => Some(Api::Replay),
        "/incremental/timestamp" if looks_back(manifest) => Some(Api::Replay),
        "/incremental/timestamp" => Some(Api::Timestamp),
        _ => None,
    })
}

/// Whether a strategy promises to find records that appear late: by its name, or by a setting for it.
fn looks_back(manifest: &Manifest) -> bool {
    let schema: Value = serde_json::from_str(&manifest.config_schema).unwrap_or_default();
    let properties = schema["properties"].as_object();
    let names_it = |key: &String| ["look", "buffer", "replay", "window"].iter().any(|word| key.contains(word));
    let has_setting = properties.is_some_and(|keys| keys.keys().any(names_it));
    manifest.name.contains("replay") || has_setting
}
