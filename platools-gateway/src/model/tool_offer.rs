//! [`ToolOffer`]: the tools of one run as the model gets them. It also converts the arguments that the model sends back to the form that
//! the tools take.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use platools::tool::ToolExport;
use serde_json::Value;
use serde_json::value::RawValue;

use super::refused_part::RefusedPart;
use super::tool_memory::{ToolForm, ToolMemory};
use crate::agents::RunTools;
use crate::domain::agent_profile::Profile;
use crate::tools::NamedTool;

/// The tools that a model is shown.
pub(super) struct ToolOffer<'a> {
    memory: &'a ToolMemory,
    model: &'a str,
    tools: &'a RunTools<'a>,
    shown: Vec<OfferedTool<'a>>,
}

struct OfferedTool<'a> {
    tool: &'a NamedTool,
    form: ToolForm,
    export: ToolExport,
    declaration: Value,
}

impl<'a> ToolOffer<'a> {
    /// The tools of a run, as many as the model takes. A tool that cannot be shown is left out: without it the rest works.
    pub(super) async fn new(
        memory: &'a ToolMemory,
        model: &'a str,
        tools: &'a RunTools<'a>,
        profile: &Profile,
        max_tools: NonZeroU32,
    ) -> Self {
        let mut offer = Self { memory, model, tools, shown: Vec::new() };
        for tool in tools.list() {
            offer.shown.extend(offer.show(tool, memory.form(model, tool)).await);
        }
        offer.limit(profile, usize::try_from(max_tools.get()).unwrap_or(usize::MAX));
        offer
    }

    /// The model that is shown the tools.
    pub(super) fn model(&self) -> &'a str {
        self.model
    }

    /// The tools of the run.
    pub(super) fn tools(&self) -> &'a RunTools<'a> {
        self.tools
    }

    /// The declarations of the tools.
    pub(super) fn declared(&self) -> Vec<Value> {
        self.shown.iter().map(|shown| shown.declaration.clone()).collect()
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

    /// Shows the tools that an endpoint refused in a simpler form, or not at all. Returns true if that changes the offer.
    pub(super) async fn simplify(&mut self, refused: &RefusedPart) -> bool {
        let refused: BTreeSet<usize> = match refused {
            RefusedPart::Unknown => return false,
            RefusedPart::Tools(positions) => positions.iter().copied().filter(|at| *at < self.shown.len()).collect(),
            RefusedPart::StrictForm => {
                let is_strict = |tool: &OfferedTool<'_>| tool.declaration["function"].get("strict").is_some();
                let strict = self.shown.iter().enumerate().filter(|(_, shown)| is_strict(shown));
                strict.map(|(at, _)| at).collect()
            }
        };
        let mut shown = Vec::new();
        for (at, before) in std::mem::take(&mut self.shown).into_iter().enumerate() {
            if refused.contains(&at) { shown.extend(self.simpler(before).await) } else { shown.push(before) }
        }
        self.shown = shown;
        !refused.is_empty()
    }

    async fn simpler(&self, refused: OfferedTool<'a>) -> Option<OfferedTool<'a>> {
        let OfferedTool { tool, mut form, declaration, .. } = refused;
        let mut simpler = None;
        while simpler.is_none() && form != ToolForm::Hidden {
            form = form.next();
            // A tool without strict form had the other one already.
            simpler = self.show(tool, form).await.filter(|shown| shown.declaration != declaration);
        }
        self.memory.set_form(self.model, tool, form);
        let (name, entity) = (&tool.tool.declaration.name, &tool.tool.identity.entity);
        let (model, is_shown) = (self.model, simpler.is_some());
        tracing::warn!(
            tool.name = name,
            entity,
            model,
            is_shown,
            "tool refused by the model's endpoint; it is sent without strict form, or not at all: correct its input schema"
        );
        simpler
    }

    async fn show(&self, tool: &'a NamedTool, form: ToolForm) -> Option<OfferedTool<'a>> {
        let exported = self.tools.to_export(tool, form.dialect()?).await;
        let export = exported.inspect_err(|error| self.memory.log_hidden(tool, error)).ok()?;
        let mut declaration = export.value().clone();
        declaration["function"]["name"] = tool.handle.as_str().into();
        Some(OfferedTool { tool, form, export, declaration })
    }

    /// Leaves out the tools past the number that a model takes. Those that the profile names count in its order, and otherwise those that
    /// were declared first: a worker that connects later takes no tool away from an agent that works.
    fn limit(&mut self, profile: &Profile, limit: usize) {
        if self.shown.len() <= limit {
            return;
        }
        let tools: Vec<_> = self.shown.iter().map(|shown| shown.tool).collect();
        let surplus = surplus(&tools, profile.tools.as_deref(), limit);
        let left_out: Vec<_> = surplus.iter().map(|at| tools[*at]).collect();
        self.memory.log_surplus(tools.len(), limit, &left_out);
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
