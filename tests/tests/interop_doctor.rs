//! The doctor of the Python SDK and ours find the same in the same declarations.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use platools::ToolDefinition;
use platools::doctor::{Doctor, Rule};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The rules of the Python SDK, which are the first of ours.
const SHARED_RULES: usize = 11;

#[test]
fn the_doctors_find_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop");
    let text = std::fs::read_to_string(folder.join("doctor.json")).expect("the cases");
    let cases: Vec<Case> = serde_json::from_str(&text).expect("cases");
    let theirs = python_findings(&folder.join("doctor.py"), &text);
    assert_eq!(theirs.len(), cases.len());
    let mut found = BTreeMap::new();
    for (case, theirs) in cases.into_iter().zip(theirs) {
        let about = case.about.clone();
        let ours = case.findings();
        ours.iter().for_each(|finding| *found.entry(finding.0.clone()).or_insert(0) += 1);
        assert_eq!(ours, sorted(theirs), "{about}");
    }
    let shared = &Rule::ALL[..SHARED_RULES];
    let missing: Vec<_> = shared.iter().filter(|rule| !found.contains_key(rule.code())).collect();
    assert!(missing.is_empty(), "no case breaks these rules: {missing:?}");
}

/// A finding of either doctor: its code, its severity, the tool and the argument.
type CommonFinding = (String, String, Option<String>, Option<String>);

#[derive(Deserialize)]
struct Case {
    about: String,
    tools: Vec<Tool>,
    agent_tools: Option<Vec<String>>,
    roles_in_use: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    #[serde(default)]
    description: String,
    input_schema: Value,
    output_schema: Option<Value>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    annotations: Map<String, Value>,
}

impl Case {
    fn findings(self) -> Vec<CommonFinding> {
        let mut doctor = Doctor::of(self.tools.into_iter().map(Tool::definition));
        if let Some(names) = self.agent_tools {
            doctor = doctor.agent_tools(names);
        }
        if let Some(roles) = self.roles_in_use {
            doctor = doctor.roles_in_use(roles);
        }
        let report = doctor.check();
        let shared = report.findings().iter().filter(|finding| Rule::ALL[..SHARED_RULES].contains(&finding.rule));
        sorted(shared.map(|finding| {
            let (code, severity) = (finding.rule.code().to_owned(), finding.severity().as_str().to_owned());
            (code, severity, finding.tool.clone(), finding.param.clone())
        }))
    }
}

impl Tool {
    fn definition(self) -> ToolDefinition {
        let mut definition = ToolDefinition::new(self.name, self.description, self.input_schema);
        definition.output_schema = self.output_schema;
        definition.roles = self.roles;
        definition.annotations = self.annotations;
        definition
    }
}

fn sorted(findings: impl IntoIterator<Item = CommonFinding>) -> Vec<CommonFinding> {
    let mut findings: Vec<_> = findings.into_iter().collect();
    findings.sort();
    findings
}

fn python_findings(program: &Path, cases: &str) -> Vec<Vec<CommonFinding>> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/interop/venv/bin/python");
    assert!(python.exists(), "run tests/interop/setup first (there is no {})", python.display());
    let mut child =
        Command::new(python).arg(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python starts");
    child.stdin.take().expect("a pipe").write_all(cases.as_bytes()).expect("Python reads");
    let output = child.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "{}", output.status);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", json!(output.stdout)))
}
