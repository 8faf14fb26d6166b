//! Whether checking a configuration against a JSON Schema ends soon. A strategy gives its schema, and a few lines of
//! references to references can mean more steps than anyone has time for.

use serde_json::Value as Json;

/// How many schemas a check may visit, were each alternative tried. Those of the built-in strategies visit some hundred.
const MOST_VISITS: u32 = 100_000;
/// How many references may lead from one to the next.
const MOST_REFERENCES: usize = 32;

/// How many a pattern counts for, which has to be compiled.
const VISITS_OF_A_PATTERN: u32 = MOST_VISITS / 100;

/// What is wrong with the cost of checking `config` against a schema, if something is.
pub(super) fn objection(schema: &Json, config: &Json) -> Option<String> {
    Walk { root: schema, depth: depth(config), visits: 0, way: vec!["#"] }.visit(schema).err()
}

/// How many lists and mappings lie within each other.
fn depth(value: &Json) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Json::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

struct Walk<'a> {
    root: &'a Json,
    /// That of the configuration.
    depth: usize,
    visits: u32,
    /// The references that led here.
    way: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, schema: &'a Json) -> Result<(), String> {
        self.pay(1)?;
        match schema {
            Json::Array(items) => items.iter().try_for_each(|item| self.visit(item)),
            Json::Object(members) => members.iter().try_for_each(|(key, value)| match (&**key, value) {
                // Definitions cost nothing where nobody refers to them.
                ("$defs" | "definitions", _) => Ok(()),
                ("$ref", Json::String(target)) => self.follow(target),
                ("pattern", Json::String(_)) => self.pay(VISITS_OF_A_PATTERN),
                ("patternProperties", Json::Object(patterns)) => patterns.values().try_for_each(|schema| {
                    self.pay(VISITS_OF_A_PATTERN)?;
                    self.visit(schema)
                }),
                ("$dynamicRef" | "$recursiveRef", _) => Err(format!("`{key}` is not followed")),
                _ => self.visit(value),
            }),
            _ => Ok(()),
        }
    }

    fn pay(&mut self, visits: u32) -> Result<(), String> {
        self.visits = self.visits.saturating_add(visits);
        match self.visits > MOST_VISITS {
            true => Err(format!("a check would take more than {MOST_VISITS} steps")),
            false => Ok(()),
        }
    }

    /// A reference back to where the way came from is followed once for each level of the configuration: one that comes
    /// back on the same level is noticed by whoever checks.
    fn follow(&mut self, target: &'a str) -> Result<(), String> {
        if self.way.iter().filter(|before| **before == target).count() > self.depth {
            return Ok(());
        }
        if self.way.len() > MOST_REFERENCES {
            return Err(format!("more than {MOST_REFERENCES} references lead from one to the next"));
        }
        let pointed = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let Some(schema) = pointed else {
            return Err(format!("it refers to `{target}`; only pointers such as `#/$defs/name` are followed"));
        };
        self.way.push(target);
        self.visit(schema)?;
        self.way.pop();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: &str, expected: Option<&str>) {
        check_for(r#"{"a":1}"#, schema, expected);
    }

    fn check_for(config: &str, schema: &str, expected: Option<&str>) {
        let [schema, config] = [schema, config].map(|text| serde_json::from_str(text).expect(text));
        assert_eq!(objection(&schema, &config).as_deref(), expected, "{schema}");
    }

    /// Each definition refers to the next one so many times.
    fn chain(length: usize, times: usize) -> String {
        let next = |at: usize| vec![format!(r##"{{"$ref":"#/$defs/s{}"}}"##, at + 1); times].join(",");
        let steps: String = (0..length).map(|at| format!(r#""s{at}":{{"allOf":[{}]}},"#, next(at))).collect();
        format!(r##"{{"$ref":"#/$defs/s0","$defs":{{{steps}"s{length}":true}}}}"##)
    }

    #[test]
    fn schemas_that_cost_too_much_are_told() {
        check("true", None);
        check(r##"{"properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"type":"integer"}}}"##, None);
        check(r##"{"$ref":"#"}"##, None);
        check(r##"{"$defs":{"tree":{"items":{"$ref":"#/$defs/tree"}}},"$ref":"#/$defs/tree"}"##, None);
        check(&chain(8, 2), None);
        check(&chain(24, 2), Some("a check would take more than 100000 steps"));
        check(&chain(2, 1_000), Some("a check would take more than 100000 steps"));
        check(&chain(20_000, 1), Some("more than 32 references lead from one to the next"));
        let elsewhere = "it refers to `file:///etc/passwd`; only pointers such as `#/$defs/name` are followed";
        check(r#"{"$ref":"file:///etc/passwd"}"#, Some(elsewhere));
        check(r#"{"$dynamicRef":"x"}"#, Some("`$dynamicRef` is not followed"));
        let patterns = |count: usize| {
            let patterns: String = (0..count).map(|at| format!(r#""{at}":true,"#)).collect();
            format!(r#"{{"patternProperties":{{{patterns}"(\\w{{100}}){{8}}":{{"pattern":"x"}}}}}}"#)
        };
        check(&patterns(90), None);
        check(&patterns(100), Some("a check would take more than 100000 steps"));
    }

    #[test]
    fn a_schema_that_refers_to_itself_costs_more_the_deeper_the_configuration_is() {
        let fork = |times: usize| {
            let again = vec![r##"{"$ref":"#"}"##; times].join(",");
            format!(r##"{{"type":"object","additionalProperties":{{"anyOf":[{again}]}}}}"##)
        };
        let nested = |depth: usize| r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth);
        check_for(&nested(1), &fork(100), None);
        check_for(&nested(3), &fork(100), Some("a check would take more than 100000 steps"));
        check_for(&nested(12), &fork(2), None);
        check_for(&nested(20), &fork(1), None);
    }
}
