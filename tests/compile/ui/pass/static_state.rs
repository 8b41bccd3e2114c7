use std::collections::HashMap;

use platools::{ToolRegistry, tool, tools};

/// Look a word up.
#[tool]
fn look_up(word: &str, glossary: &HashMap<&'static str, &'static [&'static str]>) -> usize {
    glossary.get(word).map_or(0, |meanings| meanings.len())
}

fn main() {
    let glossary: HashMap<&'static str, &'static [&'static str]> = HashMap::from([("a", &["b"][..])]);
    ToolRegistry::new().with_state(glossary).with_tools(tools![look_up]).expect("state is there");
}
