//! Whether checking anything against a JSON Schema ends soon. A strategy gives its schema, and a few lines of references
//! to references can mean more steps than anyone has time for.

use serde_json::Value as Json;

/// How many schemas a check may visit, were each alternative tried. Those of the built-in strategies visit some hundred.
const MOST_VISITS: u32 = 100_000;
/// How many references may lead from one to the next.
const MOST_REFERENCES: usize = 32;

/// What is wrong with the cost of a schema, if something is.
pub(super) fn objection(schema: &Json) -> Option<String> {
    Walk { root: schema, visits: 0, way: Vec::new() }.visit(schema).err()
}

struct Walk<'a> {
    root: &'a Json,
    visits: u32,
    /// The references that led here.
    way: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, schema: &'a Json) -> Result<(), String> {
        self.visits += 1;
        if self.visits > MOST_VISITS {
            return Err(format!("a check would take more than {MOST_VISITS} steps"));
        }
        match schema {
            Json::Array(items) => items.iter().try_for_each(|item| self.visit(item)),
            Json::Object(members) => members.iter().try_for_each(|(key, value)| match (&**key, value) {
                // Definitions cost nothing where nobody refers to them.
                ("$defs" | "definitions", _) => Ok(()),
                ("$ref", Json::String(target)) => self.follow(target),
                ("$dynamicRef" | "$recursiveRef", _) => Err(format!("`{key}` is not followed")),
                _ => self.visit(value),
            }),
            _ => Ok(()),
        }
    }

    /// A reference back to where the way came from costs as much as the configuration is deep, which its user decides.
    fn follow(&mut self, target: &'a str) -> Result<(), String> {
        if self.way.contains(&target) {
            return Ok(());
        }
        if self.way.len() == MOST_REFERENCES {
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
        let schema = serde_json::from_str(schema).expect(schema);
        assert_eq!(objection(&schema).as_deref(), expected, "{schema}");
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
    }
}
