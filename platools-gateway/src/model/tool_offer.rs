//! [`Offer`]: the tools of one run as its model is shown them, and the way back from the arguments that it writes.

use std::collections::BTreeSet;

use async_openai::types::chat::{ChatCompletionTool, ChatCompletionTools};
use platools::tool::ToolExport;
use serde_json::value::RawValue;

use super::ModelAgent;
use super::blame::Blame;
use super::refused::Form;
use crate::agents::RunTools;
use crate::domain::error::{Error, ErrorKind};
use crate::domain::profile::Profile;
use crate::tools::NamedTool;

/// The tools that a model is shown.
pub(super) struct Offer<'a> {
    agent: &'a ModelAgent,
    model: String,
    tools: &'a RunTools<'a>,
    shown: Vec<Shown<'a>>,
}

struct Shown<'a> {
    tool: &'a NamedTool,
    form: Form,
    export: ToolExport,
    declaration: ChatCompletionTool,
}

impl<'a> Offer<'a> {
    /// The tools of a run, as many as the model takes. A tool that cannot be shown is left out: without it the rest works.
    pub(super) async fn of(agent: &'a ModelAgent, model: &str, tools: &'a RunTools<'a>, profile: &Profile) -> Self {
        let mut offer = Self { agent, model: model.to_owned(), tools, shown: Vec::new() };
        for tool in tools.list() {
            let form = agent.refused.form(model, tool);
            offer.shown.extend(offer.show(tool, form).await);
        }
        offer.limit(profile);
        offer
    }

    /// The tools as a request has them; `None` without any.
    pub(super) fn declared(&self) -> Option<Vec<ChatCompletionTools>> {
        let declared = self.shown.iter().map(|shown| ChatCompletionTools::Function(shown.declaration.clone()));
        (!self.shown.is_empty()).then(|| declared.collect())
    }

    /// The number of tools that are shown.
    pub(super) fn count(&self) -> usize {
        self.shown.len()
    }

    /// The arguments of the tool itself, from those that the model wrote for the form that it was shown; `None` if they stay.
    pub(super) fn arguments(&self, handle: &str, sent: &RawValue) -> Option<Box<RawValue>> {
        let shown = self.shown.iter().find(|shown| shown.tool.handle == handle)?;
        shown.export.arguments(sent.get()).ok()
    }

    /// Shows the tools that an endpoint refused in a simpler form, or not at all. Returns whether that changes anything.
    pub(super) async fn yield_to(&mut self, blame: &Blame) -> bool {
        let blamed: BTreeSet<usize> = match blame {
            Blame::Unknown => return false,
            Blame::Tools(positions) => positions.iter().copied().filter(|at| *at < self.shown.len()).collect(),
            Blame::StrictForm => {
                let strict =
                    self.shown.iter().enumerate().filter(|(_, shown)| shown.declaration.function.strict.is_some());
                strict.map(|(at, _)| at).collect()
            }
        };
        let mut shown = Vec::new();
        for (at, before) in std::mem::take(&mut self.shown).into_iter().enumerate() {
            if blamed.contains(&at) { shown.extend(self.simpler(before).await) } else { shown.push(before) }
        }
        self.shown = shown;
        !blamed.is_empty()
    }

    async fn simpler(&self, refused: Shown<'a>) -> Option<Shown<'a>> {
        let Shown { tool, mut form, declaration, .. } = refused;
        let mut simpler = None;
        while simpler.is_none() && form != Form::Untold {
            form = form.next();
            // A tool without strict form had the other one already.
            simpler = self.show(tool, form).await.filter(|shown| shown.declaration != declaration);
        }
        self.agent.refused.set(&self.model, tool, form);
        let (name, entity) = (&tool.tool.declaration.name, &tool.tool.identity.entity);
        let (model, is_shown) = (&self.model, simpler.is_some());
        tracing::warn!(
            tool.name = name,
            entity,
            model,
            is_shown,
            "the model's endpoint refused a tool; it is shown without strict form, or not at all: correct its input schema"
        );
        simpler
    }

    async fn show(&self, tool: &'a NamedTool, form: Form) -> Option<Shown<'a>> {
        let exported = self.tools.to_export(tool, form.dialect()?).await;
        let shown = exported.and_then(|export| {
            let declaration = declaration(tool, &export)?;
            Ok(Shown { tool, form, export, declaration })
        });
        shown.inspect_err(|error| self.agent.untold.log(tool, error)).ok()
    }

    /// Leaves out the tools past the number that a model takes. Those that the profile names count in its order, and otherwise those that
    /// were declared first: a worker that connects later takes no tool away from an agent that works.
    fn limit(&mut self, profile: &Profile) {
        let limit = usize::try_from(self.agent.settings.max_tools.get()).unwrap_or(usize::MAX);
        if self.shown.len() <= limit {
            return;
        }
        let tools: Vec<_> = self.shown.iter().map(|shown| shown.tool).collect();
        let surplus = surplus(&tools, profile.tools.as_deref(), limit);
        let left_out: Vec<_> = surplus.iter().map(|at| tools[*at]).collect();
        self.agent.untold.log_surplus(tools.len(), limit, &left_out);
        let mut at = 0..;
        self.shown.retain(|_| at.next().is_none_or(|at| !surplus.contains(&at)));
    }
}

/// The positions of the tools past a limit.
fn surplus(tools: &[&NamedTool], named: Option<&[String]>, limit: usize) -> BTreeSet<usize> {
    let rank = |tool: &NamedTool| {
        let name = &tool.tool.declaration.name;
        let place = named.and_then(|named| named.iter().position(|known| known == name));
        (place, tool.tool.changed_ms)
    };
    let mut order: Vec<_> = (0..tools.len()).collect();
    order.sort_by_key(|at| rank(tools[*at]));
    order.into_iter().skip(limit).collect()
}

fn declaration(tool: &NamedTool, export: &ToolExport) -> Result<ChatCompletionTool, Error> {
    let declared: Result<ChatCompletionTool, _> = serde_json::from_value(export.value().clone());
    let mut declared = declared.map_err(|error| {
        Error::new(ErrorKind::InvalidRequest, "the tool cannot be written in the form of models").caused_by(error)
    })?;
    declared.function.name.clone_from(&tool.handle);
    Ok(declared)
}
