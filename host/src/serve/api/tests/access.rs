//! Who may do what: each operation of the description, for each role, at each place.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::description;
use super::{Ask, Holder, Lab, Party, Said};

/// Who may do something.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Need {
    /// Everyone.
    Nothing,
    /// Everyone with a token.
    Token,
    /// Those who may look at the tenant's things.
    Look,
    /// Those who may change them.
    Change,
    /// Operators; others of the tenant are told so.
    Govern,
    /// Operators; nobody else learns that it is there.
    Operator,
}

/// What each operation needs, with a body that it takes.
fn needs() -> BTreeMap<&'static str, (Need, Value)> {
    let connection = json!({"connection": {"strategy": "keyset"}, "schedule": {"every": "15m"}});
    BTreeMap::from([
        ("GET /healthz", (Need::Nothing, Value::Null)),
        ("GET /readyz", (Need::Nothing, Value::Null)),
        ("GET /metrics", (Need::Operator, Value::Null)),
        ("GET /v1/openapi.json", (Need::Nothing, Value::Null)),
        ("GET /v1/me", (Need::Token, Value::Null)),
        ("GET /v1/plugins", (Need::Token, Value::Null)),
        ("PUT /v1/plugins/{plugin}", (Need::Operator, json!("a component"))),
        ("POST /v1/plugins/{plugin}/active", (Need::Operator, json!({"digest": "cd".repeat(32)}))),
        ("GET /v1/rollouts", (Need::Operator, Value::Null)),
        ("GET /v1/rollouts/{rollout}", (Need::Operator, Value::Null)),
        ("POST /v1/rollouts/{rollout}/approve", (Need::Operator, Value::Null)),
        ("POST /v1/rollouts/{rollout}/promote", (Need::Operator, Value::Null)),
        ("POST /v1/rollouts/{rollout}/roll-back", (Need::Operator, json!({"reason": "slow"}))),
        ("GET /v1/tokens", (Need::Operator, Value::Null)),
        ("POST /v1/tokens", (Need::Operator, json!({"label": "deploy"}))),
        ("DELETE /v1/tokens/{token}", (Need::Operator, Value::Null)),
        ("GET /v1/tenants", (Need::Operator, Value::Null)),
        ("POST /v1/tenants", (Need::Operator, json!({"name": "new"}))),
        ("GET /v1/tenants/{tenant}", (Need::Look, Value::Null)),
        ("PATCH /v1/tenants/{tenant}", (Need::Govern, json!({"quotas": {"connections": 5}}))),
        ("DELETE /v1/tenants/{tenant}", (Need::Govern, Value::Null)),
        ("GET /v1/tenants/{tenant}/tokens", (Need::Look, Value::Null)),
        ("POST /v1/tenants/{tenant}/tokens", (Need::Change, json!({"role": "reader", "label": "board"}))),
        ("DELETE /v1/tenants/{tenant}/tokens/{token}", (Need::Change, Value::Null)),
        ("GET /v1/tenants/{tenant}/secrets", (Need::Look, Value::Null)),
        ("PUT /v1/tenants/{tenant}/secrets/{secret}", (Need::Change, json!({"value": "s3cret"}))),
        ("DELETE /v1/tenants/{tenant}/secrets/{secret}", (Need::Change, Value::Null)),
        ("GET /v1/tenants/{tenant}/connections", (Need::Look, Value::Null)),
        ("GET /v1/tenants/{tenant}/connections/{connection}", (Need::Look, Value::Null)),
        ("PUT /v1/tenants/{tenant}/connections/{connection}", (Need::Change, connection)),
        ("DELETE /v1/tenants/{tenant}/connections/{connection}", (Need::Change, Value::Null)),
        ("POST /v1/tenants/{tenant}/connections/{connection}/pause", (Need::Change, Value::Null)),
        ("POST /v1/tenants/{tenant}/connections/{connection}/resume", (Need::Change, Value::Null)),
        ("POST /v1/tenants/{tenant}/connections/{connection}/runs", (Need::Change, json!({"full_refresh": true}))),
        ("GET /v1/tenants/{tenant}/runs", (Need::Look, Value::Null)),
        ("GET /v1/tenants/{tenant}/runs/{run}", (Need::Look, Value::Null)),
        ("POST /v1/tenants/{tenant}/runs/{run}/cancel", (Need::Change, Value::Null)),
        ("GET /v1/tenants/{tenant}/runs/{run}/events", (Need::Look, Value::Null)),
    ])
}

/// The operations that the description has.
fn operations() -> Vec<String> {
    let api: Value = serde_json::from_str(description()).expect("JSON");
    let paths = api["paths"].as_object().expect("paths");
    let methods = |item: &Value| item.as_object().expect("a path").keys().cloned().collect::<Vec<_>>();
    let mut operations: Vec<_> = paths
        .iter()
        .flat_map(|(path, item)| {
            methods(item).into_iter().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    operations.sort();
    operations
}

/// The run has ended, the component is none, and the version is active already.
const DONE_BUT_FOR_WHAT_IS_THERE: [&str; 4] = [
    "POST /v1/tenants/{tenant}/runs/{run}/cancel",
    "PUT /v1/plugins/{plugin}",
    "POST /v1/plugins/{plugin}/active",
    "POST /v1/rollouts/{rollout}/promote",
];

const ABSENT_ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Where something is asked for: what its path's parameters are.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    tenant: &'a str,
    connection: &'a str,
    secret: &'a str,
    run: &'a str,
    token: &'a str,
    rollout: &'a str,
}

impl<'a> Place<'a> {
    fn of(party: &'a Party) -> Place<'a> {
        Place {
            tenant: party.tenant,
            connection: party.connection,
            secret: party.secret,
            run: &party.run,
            token: &party.reader.id,
            rollout: ABSENT_ID,
        }
    }

    fn absent(tenant: &'a str) -> Place<'a> {
        Place { tenant, connection: "nothing", secret: "NOTHING", run: ABSENT_ID, token: ABSENT_ID, rollout: ABSENT_ID }
    }

    fn ask(self, operation: &str) -> Ask {
        let (method, path) = operation.split_once(' ').expect("an operation");
        let path = path
            .replace("{tenant}", self.tenant)
            .replace("{connection}", self.connection)
            .replace("{secret}", self.secret)
            .replace("{run}", self.run)
            .replace("{token}", self.token)
            .replace("{rollout}", self.rollout)
            .replace("{plugin}", "keyset");
        Ask::new(method, path)
    }
}

fn with_body(ask: Ask, body: &Value) -> Ask {
    match body {
        Value::Null => ask,
        Value::String(text) => Ask { body: text.clone().into(), ..ask.header("content-type", "application/wasm") },
        body => ask.json(body),
    }
}

#[test]
fn every_operation_says_what_it_needs() {
    let needs = needs();
    let known: Vec<_> = needs.keys().map(|operation| (*operation).to_owned()).collect();
    assert_eq!(operations(), known);
}

#[tokio::test]
async fn nobody_does_anything_without_a_valid_token() {
    let lab = Lab::new().await;
    let forged = Holder { token: format!("tg_{}", "A".repeat(43)), ..lab.operator.clone() };
    for (operation, (need, body)) in needs() {
        for place in [Place::of(&lab.own), Place::absent("absent")] {
            let ask = with_body(place.ask(operation), &body);
            if need == Need::Nothing {
                lab.check(ask, 200, "").await;
                continue;
            }
            let basic = ask.clone().header("authorization", "Basic dGc6dGc=");
            for ask in [ask.clone(), basic, ask.by(&forged)] {
                let said = lab.check(ask, 401, "request.unauthenticated").await;
                assert!(said.header("www-authenticate").starts_with("Bearer"), "{operation}");
            }
        }
    }
}

#[tokio::test]
async fn a_role_does_what_it_may_and_is_told_what_it_may_not() {
    for (operation, (need, body)) in needs() {
        let allowed = |role: &str| match need {
            Need::Nothing | Need::Token | Need::Look => true,
            Need::Change => role != "reader",
            Need::Govern | Need::Operator => role == "operator",
        };
        for role in ["operator", "administrator", "reader"] {
            let lab = Lab::new().await;
            let holder = match role {
                "operator" => &lab.operator,
                "administrator" => &lab.own.administrator,
                _ => &lab.own.reader,
            };
            let spare = super::holder(&lab.server, None, crate::serve::tenant::Role::Operator).await;
            let token = if need == Need::Operator { &spare.id } else { &lab.own.reader.id };
            let place = Place { token, rollout: &lab.rollout, ..Place::of(&lab.own) };
            let ask = with_body(place.ask(operation), &body).by(holder).header("if-match", "*");
            match (allowed(role), need) {
                (true, _) => {
                    let said = lab.ask(ask).await;
                    let is_tried =
                        DONE_BUT_FOR_WHAT_IS_THERE.contains(&operation) && [409, 422].contains(&said.status.as_u16());
                    assert!(said.status.is_success() || is_tried, "{operation} {role}: {}", said.text());
                }
                (false, Need::Operator) => drop(lab.check(ask, 404, "request.absent").await),
                (false, _) => drop(lab.check(ask, 403, "request.forbidden").await),
            }
        }
    }
}

/// Bodies and headers that are wrong in every way: no answer to them may come before the one about access.
fn provocations(ask: &Ask, body: &Value) -> Vec<Ask> {
    let query = |query: &str| Ask { path: format!("{}?{query}", ask.path), ..ask.clone() };
    vec![
        with_body(ask.clone(), body),
        ask.clone(),
        ask.clone().raw("{"),
        ask.clone().raw(r#"{"unknown": 1}"#),
        ask.clone().raw(vec![b' '; 2 << 20]),
        ask.clone().header("content-type", "text/plain"),
        with_body(ask.clone(), body).header("if-match", "nonsense"),
        with_body(ask.clone(), body).header("idempotency-key", "k".repeat(999)),
        with_body(ask.clone(), body).header("idempotency-key", "key"),
        query("limit=many"),
        query("after=%FF&nonsense=1"),
    ]
}

#[tokio::test]
async fn what_is_anothers_is_answered_as_if_it_were_not_there() {
    let lab = Lab::new().await;
    let before = everything(&lab).await;
    let nowhere = lab.ask(Ask::new("GET", "/nowhere")).await;
    for (operation, (need, body)) in needs() {
        if matches!(need, Need::Nothing | Need::Token) {
            continue;
        }
        for holder in [&lab.own.administrator, &lab.own.reader] {
            let places = match need {
                Need::Operator => vec![
                    Place { token: &lab.operator.id, rollout: &lab.rollout, ..Place::of(&lab.own) },
                    Place::absent("absent"),
                ],
                _ => {
                    vec![Place::of(&lab.other), Place::absent("absent"), Place::absent("other"), Place::absent("%FF!")]
                }
            };
            for place in places {
                for ask in provocations(&place.ask(operation), &body) {
                    let said = lab.check(ask.by(holder), 404, "request.absent").await;
                    assert_eq!(said, nowhere, "{operation} {place:?}");
                }
            }
        }
    }
    assert_eq!(everything(&lab).await, before);
}

#[tokio::test]
async fn what_is_anothers_is_not_found_among_ones_own() {
    let lab = Lab::new().await;
    let before = everything(&lab).await;
    for (operation, (_, body)) in needs() {
        let is_by_name = operation.contains("{tenant}/") && operation.matches('{').count() == 2;
        // What is not there is made by a PUT.
        if !is_by_name || operation.starts_with("PUT") {
            continue;
        }
        let foreign = Place { tenant: "own", ..Place::of(&lab.other) };
        for holder in [&lab.own.administrator, &lab.operator] {
            for (foreign, absent) in provocations(&foreign.ask(operation), &body)
                .into_iter()
                .zip(provocations(&Place::absent("own").ask(operation), &body))
            {
                let (foreign, absent) = (lab.ask(foreign.by(holder)).await, lab.ask(absent.by(holder)).await);
                assert_eq!(foreign, absent, "{operation}");
                assert!(foreign.status.is_client_error(), "{operation}");
            }
        }
    }
    assert_eq!(everything(&lab).await, before);
}

#[tokio::test]
async fn operators_are_told_what_is_not_there() {
    let lab = Lab::new().await;
    for (operation, (need, body)) in needs() {
        if matches!(need, Need::Look | Need::Change | Need::Govern) {
            let ask = with_body(Place::absent("absent").ask(operation), &body);
            lab.check(ask.by(&lab.operator), 404, "request.absent").await;
        }
    }
}

/// All that the API shows to operators.
pub(super) async fn everything(lab: &Lab) -> Vec<Said> {
    let mut all = Vec::new();
    for (operation, (need, _)) in needs() {
        if operation.starts_with("GET") && need != Need::Nothing && !operation.ends_with("/events") {
            for party in [&lab.own, &lab.other] {
                let place = Place { rollout: &lab.rollout, ..Place::of(party) };
                all.push(lab.check(place.ask(operation).by(&lab.operator), 200, "").await);
            }
        }
    }
    all
}
