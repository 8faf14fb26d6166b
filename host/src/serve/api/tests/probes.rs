//! Probes across tenants: with the tokens of one tenant, whatever is another's is asked for in every way at random, and
//! nothing of it answers. The short form is part of the tests; CONTRIBUTING.md names the command of the long one.

use std::collections::BTreeSet;

use fastrand::Rng;
use serde_json::{Value, json};

use super::super::description;
use super::{Ask, Holder, Lab, Said, begun, ended, name};

/// So many probes where `TIDEGATE_PROBES` says no other number.
const USUAL: u64 = 20_000;
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// What is nobody's, in the form of what is somebody's.
const ABSENT: Names<'static> = Names {
    tenant: "absent",
    connection: "nothing",
    secret: "NOTHING",
    token: "01890a5d-ac96-774b-bcce-b302099a8057",
    run: "01890a5d-ac96-774b-bcce-b302099a8058",
    rollout: "01890a5d-ac96-774b-bcce-b302099a8059",
};

/// What the parameters of a path are.
#[derive(Clone, Copy)]
struct Names<'a> {
    tenant: &'a str,
    connection: &'a str,
    secret: &'a str,
    token: &'a str,
    run: &'a str,
    rollout: &'a str,
}

/// What is the other tenant's: one thing of each kind is drawn for a probe.
struct Treasure {
    connections: Vec<String>,
    tokens: Vec<String>,
    runs: Vec<String>,
    rollout: String,
}

impl Treasure {
    /// Gives the other tenant more than one of each.
    async fn of(lab: &Lab) -> Treasure {
        let other = &lab.other;
        let mut runs = vec![other.run.clone()];
        for _ in 0..8 {
            runs.push(ended(&lab.server, other.tenant, other.connection).await);
        }
        let tokens = [&other.administrator, &other.reader, &lab.operator].map(|holder| holder.id.clone());
        Treasure {
            connections: vec![other.connection.to_owned()],
            tokens: tokens.to_vec(),
            runs,
            rollout: lab.rollout.clone(),
        }
    }

    fn draw(&self, rng: &mut Rng) -> Names<'_> {
        let mut one = |of: &'_ [String]| rng.usize(..of.len());
        Names {
            tenant: "other",
            connection: &self.connections[one(&self.connections)],
            secret: "THEIR_TOKEN",
            token: &self.tokens[one(&self.tokens)],
            run: &self.runs[one(&self.runs)],
            rollout: &self.rollout,
        }
    }

    /// Whether an answer holds anything of it.
    fn is_in(&self, said: &Said) -> bool {
        let text = format!("{} {:?}", said.text(), said.headers);
        let ids = self.runs.iter().chain(&self.tokens);
        ids.map(String::as_str).chain(["theirs", "THEIR_TOKEN"]).any(|thing| text.contains(thing))
    }
}

/// Other ways to write a name or an identifier. The first leaves it as it is.
const SPELLINGS: [fn(&str) -> String; 16] = [
    str::to_owned,
    str::to_uppercase,
    |text| text.replace('-', ""),
    |text| text.bytes().map(|byte| format!("%{byte:02x}")).collect(),
    |text| format!("{text}%00"),
    |text| format!("{text}%20"),
    |text| format!("{text}/"),
    |text| format!("/{text}"),
    |text| format!(".%2F{text}"),
    |text| format!("own%2F..%2F{text}"),
    |text| format!("{text}%27%20OR%201=1--"),
    |text| format!("{text}%25"),
    |text| format!("%7B{text}%7D"),
    |text| text.get(..text.len() - 1).map(|shorter| format!("{shorter}_")).unwrap_or_default(),
    |text| text.get(1..).map(|shorter| format!("%25{shorter}")).unwrap_or_default(),
    |text| format!("{text},{text}"),
];

/// A way to ask, into which names are put.
struct Probe {
    method: &'static str,
    template: String,
    /// The tenant under which things are asked for: the one that they are of, or the caller's own.
    is_at_home: bool,
    spelling: fn(&str) -> String,
    query: u8,
    precondition: u8,
    body: u8,
}

impl Probe {
    fn draw(rng: &mut Rng, paths: &[String]) -> Probe {
        let template = paths[rng.usize(..paths.len())].clone();
        // What is not there can be made among one's own, and a listing of one's own is no probe.
        let is_of_a_thing = template.contains("{tenant}/") && template.matches('{').count() == 2;
        let is_at_home = !is_of_a_thing || rng.bool();
        let methods = if is_at_home { &METHODS[..] } else { &["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"] };
        let spelling = if rng.bool() { SPELLINGS[0] } else { SPELLINGS[rng.usize(..SPELLINGS.len())] };
        Probe {
            method: methods[rng.usize(..methods.len())],
            template,
            is_at_home,
            spelling,
            query: rng.u8(..8),
            precondition: rng.u8(..8),
            body: rng.u8(..6),
        }
    }

    fn ask(&self, names: Names<'_>, holder: &Holder) -> Ask {
        let tenant = if self.is_at_home { (self.spelling)(names.tenant) } else { "own".to_owned() };
        let path = self
            .template
            .replace("{tenant}", &tenant)
            .replace("{connection}", &(self.spelling)(names.connection))
            .replace("{secret}", &(self.spelling)(names.secret))
            .replace("{token}", &(self.spelling)(names.token))
            .replace("{run}", &(self.spelling)(names.run))
            .replace("{rollout}", &(self.spelling)(names.rollout))
            .replace("{plugin}", "keyset");
        let query = match self.query {
            0 => format!("?after={}", names.run),
            1 => format!("?after={}&limit=1", names.connection),
            2 => format!("?connection={}", names.connection),
            3 => format!("?tenant={}", names.tenant),
            _ => String::new(),
        };
        let ask = Ask::new(self.method, path + &query).by(holder);
        let ask = match self.precondition {
            0 => ask.header("if-match", "*"),
            1 => ask.header("if-match", "\"1\""),
            2 => ask.header("if-none-match", "*"),
            3 => ask.header("idempotency-key", names.run),
            4 => ask.header("x-tenant", names.tenant),
            _ => ask,
        };
        match self.body {
            0 => ask.json(&json!({})),
            1 => ask.json(&json!({"value": "taken", "tenant": names.tenant})),
            2 => ask.json(&json!({"role": "administrator", "label": "", "tenant": names.tenant})),
            3 => ask.json(&json!({"connection": {"strategy": "keyset", "name": names.connection}})),
            4 => ask.raw("{"),
            _ => ask,
        }
    }
}

/// The paths of the description at which tenants' things are, or which are operators' alone.
fn paths() -> Vec<String> {
    let api: Value = serde_json::from_str(description()).expect("JSON");
    let paths = api["paths"].as_object().expect("paths").keys();
    let is_for_all =
        |path: &&String| ["/healthz", "/readyz", "/v1/openapi.json", "/v1/me", "/v1/plugins"].contains(&path.as_str());
    paths.filter(|path| !is_for_all(path)).cloned().collect()
}

/// Pages and filters of one's own listings, asked for by what is another's.
async fn ask_listings(lab: &Lab, treasure: &Treasure, rng: &mut Rng, holder: &Holder) {
    let names = treasure.draw(rng);
    let (path, foreign, absent) = match rng.u8(..4) {
        0 => ("runs?connection=", names.connection, ABSENT.connection),
        1 => ("connections?limit=200&after=", names.connection, "theirt"),
        2 => ("secrets?after=", names.secret, "THEIR_TOKEO"),
        _ => ("connections?nonsense=", names.connection, ABSENT.connection),
    };
    let ask = |name: &str| Ask::new("GET", format!("/v1/tenants/own/{path}{name}")).by(holder);
    let (said, twin) = (lab.ask(ask(foreign)).await, lab.ask(ask(absent)).await);
    assert_eq!(said, twin, "{path}{foreign}");
    assert!(!treasure.is_in(&said), "{path}{foreign}: {}", said.text());
}

#[tokio::test]
async fn no_probe_across_tenants_is_answered() {
    let probes = std::env::var("TIDEGATE_PROBES").map_or(USUAL, |probes| probes.parse().expect("a number"));
    let lab = Lab::new().await;
    let treasure = Treasure::of(&lab).await;
    let going_on = begun(&lab.server, lab.other.tenant, lab.other.connection).await;
    let live = lab.server.live.begin(&going_on, i64::MAX);
    let before = super::access::everything(&lab).await;
    let nowhere = lab.ask(Ask::new("GET", "/nowhere")).await;
    let (paths, mut rng) = (paths(), Rng::with_seed(5));
    let mut asked = BTreeSet::new();
    for number in 0..probes {
        let holder = if rng.bool() { &lab.own.administrator } else { &lab.own.reader };
        if number % 16 == 0 {
            ask_listings(&lab, &treasure, &mut rng, holder).await;
            continue;
        }
        let probe = Probe::draw(&mut rng, &paths);
        let names = treasure.draw(&mut rng);
        let ask = probe.ask(names, holder);
        let shown = format!("{} {}", ask.method, ask.path);
        let said = lab.ask(ask).await;
        assert!(said.status.is_client_error(), "{shown}: {} {}", said.status, said.text());
        assert!(!treasure.is_in(&said), "{shown}: {}", said.text());
        if said != nowhere {
            let twin = lab.ask(probe.ask(ABSENT, holder)).await;
            assert_eq!(said, twin, "{shown}");
        }
        asked.insert((probe.method, probe.template));
    }
    assert_eq!(super::access::everything(&lab).await, before);
    assert!(!live.cancel.is_cancelled());
    let known = lab.server.store.connection(&name("other"), &name("theirs")).await.expect("still there");
    assert_eq!(known.health.running, Some(going_on.run.id));
    println!("{probes} probes of {} ways, 0 answered", asked.len());
}
