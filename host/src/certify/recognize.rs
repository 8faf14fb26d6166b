//! Which kind of API a strategy reads: found out by letting it ask.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::scenario::{self, Api};
use super::survey::paused;
use super::trial::{Trial, conduct};
use crate::plugin::{Manifest, Strategy};

/// The kind of API that a strategy reads under this configuration. Where it asks for none of the simulated ones, what it
/// does in place of that, as the rest of a sentence that begins with its name.
pub fn recognize(
    strategy: &Arc<dyn Strategy>,
    manifest: &Manifest,
    config: &Map<String, Value>,
) -> Result<Api, String> {
    let config = Value::Object(config.clone()).to_string();
    let told = scenario::of(Api::Keyset).into_iter().next().and_then(|plain| {
        paused(async {
            let (end, lab) = conduct(Arc::clone(strategy), config, &plain, 0, None, Trial::PLAIN).await;
            let asked = lab.world().asked().to_owned();
            (asked, end.finding.map(|finding| finding.message).or(end.refusal))
        })
    });
    let (asked, ended) = told.unwrap_or_default();
    let found = asked.iter().find_map(|path| Api::of_path(path)).ok_or_else(|| match (asked.as_slice(), ended) {
        ([], Some(why)) => format!("has asked for nothing: {why}"),
        ([], None) => "has asked for nothing".to_owned(),
        (asked, _) => format!("asks for {}, which no simulated source has", asked.join(" and ")),
    })?;
    Ok(if found == Api::Timestamp && looks_back(manifest) { Api::Replay } else { found })
}

/// Whether a strategy promises to find records that appear late: by its name, or by a setting for it.
fn looks_back(manifest: &Manifest) -> bool {
    let schema: Value = serde_json::from_str(&manifest.config_schema).unwrap_or_default();
    let properties = schema["properties"].as_object();
    let names_it = |key: &String| ["look", "buffer", "replay", "window"].iter().any(|word| key.contains(word));
    let has_setting = properties.is_some_and(|keys| keys.keys().any(names_it));
    manifest.name.contains("replay") || has_setting
}
