//! The tools of a worker, by name.
//!
//! A [`ToolRegistry`] is a handle: clones share the same tools, so that tools can come and go while a client is connected.
//! Every change is announced, and the client registers the new set with its platform.

mod entry;
mod health;
mod manifest;

use std::any::Any;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use indexmap::IndexMap;
use tokio::sync::watch;

use crate::error::{Error, ErrorKind};
use crate::tool::{IntoTools, State, ToolDefinition};

pub(crate) use entry::RegisteredTool;

/// The tools of a worker.
///
/// ```
/// use platools::{ToolRegistry, tool, tools};
///
/// struct Rates { euro: f64 }
///
/// /// Convert dollars to euros.
/// #[tool]
/// async fn to_euros(dollars: f64, rates: &Rates) -> f64 {
///     dollars * rates.euro
/// }
///
/// # fn main() -> Result<(), platools::Error> {
/// let registry = ToolRegistry::new().with_state(Rates { euro: 0.92 }).with_tools(tools![to_euros])?;
/// assert_eq!(registry.names(), ["to_euros"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct ToolRegistry {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    contents: RwLock<Contents>,
    /// Counts the changes, for whoever mirrors the set of tools elsewhere.
    changes: watch::Sender<u64>,
}

#[derive(Default, Clone)]
struct Contents {
    tools: IndexMap<String, Arc<RegisteredTool>>,
    state: State,
}

impl ToolRegistry {
    /// A registry without tools.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value that tools may borrow, in place of one of the same type. Tools added before keep what they have.
    #[must_use]
    pub fn with_state<T: Any + Send + Sync>(self, value: T) -> Self {
        self.with_shared_state(Arc::new(value))
    }

    /// Adds a value that is shared already; tools borrow the `T` inside.
    #[must_use]
    pub fn with_shared_state<T: Any + Send + Sync>(self, value: Arc<T>) -> Self {
        self.write(|contents| contents.state.insert(value));
        self
    }

    /// Adds tools; the same as [`insert`](Self::insert), for use while building.
    ///
    /// # Errors
    /// As for `insert`.
    pub fn with_tools(self, tools: impl IntoTools) -> Result<Self, Error> {
        self.insert(tools)?;
        Ok(self)
    }

    /// A registry of every `#[tool]` function linked into this binary that is not generic over state it lacks.
    ///
    /// # Errors
    /// As for [`with_collected_tools`](Self::with_collected_tools).
    #[cfg(feature = "collect")]
    pub fn collect() -> Result<Self, Error> {
        Self::new().with_collected_tools()
    }

    /// Adds every `#[tool]` function linked into this binary, sorted by name: the order in which a linker finds them
    /// means nothing.
    ///
    /// # Errors
    /// As for [`insert`](Self::insert).
    #[cfg(feature = "collect")]
    pub fn with_collected_tools(self) -> Result<Self, Error> {
        let mut tools: Vec<Box<dyn crate::tool::Tool>> =
            inventory::iter::<crate::tool::Collected>().map(|collected| (collected.0)()).collect();
        tools.sort_by_key(|tool| tool.definition().name);
        self.with_tools(tools)
    }

    /// Adds tools, all of them or none.
    ///
    /// # Errors
    /// A name is taken, a declaration is invalid, or a tool borrows a type the registry has no state of.
    pub fn insert(&self, tools: impl IntoTools) -> Result<(), Error> {
        self.change(tools, |contents, tool| {
            let name = tool.name().to_owned();
            match contents.tools.insert(name, tool) {
                None => Ok(()),
                Some(earlier) => Err(Error::new(
                    ErrorKind::DuplicateTool,
                    format!("there are two tools named `{}`; rename one with `name = \"...\"`", earlier.name()),
                )),
            }
        })
    }

    /// Adds tools, each in place of one of the same name if there is one. Calls that run go on with the old one.
    ///
    /// # Errors
    /// A declaration is invalid, or a tool borrows a type the registry has no state of.
    pub fn replace(&self, tools: impl IntoTools) -> Result<(), Error> {
        self.change(tools, |contents, tool| {
            contents.tools.insert(tool.name().to_owned(), tool);
            Ok(())
        })
    }

    /// Removes a tool, and tells whether there was one. Calls of it that run go on.
    pub fn remove(&self, name: &str) -> bool {
        self.write_and_announce(|contents| contents.tools.shift_remove(name).is_some())
    }

    /// Removes every tool.
    pub fn clear(&self) {
        self.write_and_announce(|contents| {
            let had_tools = !contents.tools.is_empty();
            contents.tools.clear();
            had_tools
        });
    }

    /// The names of the tools, in the order they were added.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.read().tools.keys().cloned().collect()
    }

    /// The declarations of the tools, in the order they were added.
    #[must_use]
    pub fn definitions(&self) -> Vec<Arc<ToolDefinition>> {
        self.read().tools.values().map(|tool| Arc::clone(tool.definition())).collect()
    }

    /// The declaration of one tool.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<ToolDefinition>> {
        self.find(name).map(|tool| Arc::clone(tool.definition()))
    }

    /// How many tools there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().tools.len()
    }

    /// Whether there are no tools.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A count that grows with every change of the set of tools.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<RegisteredTool>> {
        self.read().tools.get(name).cloned()
    }

    pub(crate) fn registered(&self) -> Vec<Arc<RegisteredTool>> {
        self.read().tools.values().cloned().collect()
    }

    /// Binds the tools, then adds all of them to a copy of the contents, so that a failure leaves everything as it was.
    fn change(
        &self,
        tools: impl IntoTools,
        add: impl Fn(&mut Contents, Arc<RegisteredTool>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let tools = tools.into_tools();
        self.write_and_announce(|contents| {
            let mut changed = contents.clone();
            for tool in &tools {
                let tool = RegisteredTool::bind(&**tool, &changed.state)?;
                add(&mut changed, tool)?;
            }
            *contents = changed;
            Ok(!tools.is_empty())
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, Contents> {
        // The contents are replaced as a whole or not at all, so a panic under the lock leaves nothing half done.
        self.shared.contents.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<R>(&self, change: impl FnOnce(&mut Contents) -> R) -> R {
        change(&mut self.shared.contents.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn write_and_announce<R: Changed>(&self, change: impl FnOnce(&mut Contents) -> R) -> R::Answer {
        let changed = self.write(change);
        if changed.changed() {
            self.shared.changes.send_modify(|count| *count += 1);
        }
        changed.answer()
    }
}

/// What an edit of the contents tells: whether anything changed, and what its caller wants to know.
trait Changed {
    type Answer;
    fn changed(&self) -> bool;
    fn answer(self) -> Self::Answer;
}

impl Changed for bool {
    type Answer = Self;
    fn changed(&self) -> bool {
        *self
    }
    fn answer(self) -> Self {
        self
    }
}

impl Changed for Result<bool, Error> {
    type Answer = Result<(), Error>;
    fn changed(&self) -> bool {
        matches!(self, Ok(true))
    }
    fn answer(self) -> Result<(), Error> {
        self.map(drop)
    }
}

impl fmt::Debug for ToolRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolRegistry").field("tools", &self.names()).field("state", &self.read().state).finish()
    }
}

#[cfg(test)]
mod tests;
