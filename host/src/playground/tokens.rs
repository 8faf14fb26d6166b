//! The tokens that the playground's OAuth2 server gave out.
//!
//! It must not know HTTP, nor read a clock.

use std::collections::HashMap;
use std::time::Duration;

use fastrand::Rng;

/// Tokens that are still good.
pub(super) struct Tokens {
    rng: Rng,
    lifetime: Duration,
    /// Each with the second at which it ends.
    access: HashMap<String, u64>,
    refresh: String,
}

impl Tokens {
    /// None but the first refresh token.
    pub(super) fn new(seed: u64, lifetime: Duration, refresh: &str) -> Tokens {
        Tokens { rng: Rng::with_seed(seed), lifetime, access: HashMap::new(), refresh: refresh.to_owned() }
    }

    /// A new access token. Those that ended are forgotten.
    pub(super) fn issue(&mut self, now: u64) -> String {
        self.access.retain(|_, end| *end > now);
        let token = self.text("at");
        self.access.insert(token.clone(), now.saturating_add(self.lifetime.as_secs()));
        token
    }

    /// The refresh token that takes the place of this one; none where this one is not, or no longer, good.
    pub(super) fn rotate(&mut self, refresh: &str) -> Option<String> {
        (self.refresh == refresh).then(|| {
            self.refresh = self.text("rt");
            self.refresh.clone()
        })
    }

    /// Whether this access token is good.
    pub(super) fn admit(&self, access: &str, now: u64) -> bool {
        self.access.get(access).is_some_and(|end| *end > now)
    }

    fn text(&mut self, kind: &str) -> String {
        format!("{kind}-{:032x}", self.rng.u128(..))
    }
}
