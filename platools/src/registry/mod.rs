//! [`ToolRegistry`]: holds the tools of a worker, by name.
//!
//! Clones of a registry share the same tools, so tools can be added and removed while a client is connected. The client then registers the
//! new set of tools with its platform.

mod entry;
mod health;
mod manifest;
mod poll_thread;
mod snapshot;
mod state_binding;

use std::any::Any;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use indexmap::IndexMap;
use tokio::sync::watch;

use crate::tool::{IntoTools, State, ToolDefinition};
use platools_transport::{Error, ErrorKind};

pub(crate) use entry::RegisteredTool;
pub(crate) use poll_thread::PollPlace;
pub(crate) use snapshot::ToolSnapshot;
use state_binding::SharedState;

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
    shared: Arc<RegistryState>,
}

impl ToolRegistry {
    /// A registry without tools.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value that tools may borrow, in place of one of the same type.
    ///
    /// State and tools may be added in any order. A tool takes its state when the registry is [checked](Self::check), which building a client
    /// does, or else for its first call, and keeps it from then on.
    #[must_use]
    pub fn with_state<T: Any + Send + Sync>(self, value: T) -> Self {
        self.with_shared_state(Arc::new(value))
    }

    /// Adds a value that is shared already; tools borrow the `T` inside.
    #[must_use]
    pub fn with_shared_state<T: Any + Send + Sync>(self, value: Arc<T>) -> Self {
        self.shared.state.put(value);
        self
    }

    /// Adds several values that tools may borrow.
    pub(crate) fn extend_state(&self, values: State) {
        self.shared.state.extend(values);
    }

    /// Adds tools; the same as [`insert`](Self::insert), for use while building.
    ///
    /// # Errors
    /// As for `insert`.
    pub fn with_tools(self, tools: impl IntoTools) -> Result<Self, Error> {
        self.insert(tools)?;
        Ok(self)
    }

    /// Adds tools, all of them or none.
    ///
    /// ```
    /// use platools::{ErrorKind, ToolRegistry, tool, tools};
    ///
    /// /// Add two numbers.
    /// #[tool]
    /// async fn add(a: i64, b: i64) -> i64 {
    ///     a + b
    /// }
    ///
    /// let registry = ToolRegistry::new();
    /// registry.insert(tools![add])?;
    /// let error = registry.insert(tools![add]).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::DuplicateTool);
    /// # Ok::<(), platools::Error>(())
    /// ```
    ///
    /// # Errors
    /// A name is taken, or a declaration is invalid. Once the registry was [checked](Self::check), also: a tool borrows a type that the
    /// registry has no state of.
    pub fn insert(&self, tools: impl IntoTools) -> Result<(), Error> {
        self.change(tools, |tools, tool| match tools.insert(tool.name().to_owned(), tool) {
            None => Ok(()),
            Some(earlier) => Err(Error::new(
                ErrorKind::DuplicateTool,
                format!("there are two tools named `{}`; rename one with `name = \"...\"`", earlier.name()),
            )),
        })
    }

    /// Adds tools, each in place of one of the same name if there is one. Calls that run or wait go on with the old one.
    ///
    /// A tool that takes the place of another keeps its health. Where `max_concurrency` is the same as before, old and new calls
    /// share it, and where the rate is the same, the calls that the old tool has started count towards it. A limit that is
    /// different begins anew: calls of the old tool that still run do not count towards it. [`remove`](Self::remove) and
    /// [`insert`](Self::insert) begin anew in every respect.
    ///
    /// ```
    /// use platools::{ToolRegistry, tool, tools};
    /// # use serde_json::json;
    ///
    /// mod v1 {
    ///     /// Round a price.
    ///     #[platools::tool]
    ///     pub fn round(price: f64) -> f64 {
    ///         price.floor()
    ///     }
    /// }
    ///
    /// /// Round a price.
    /// #[tool]
    /// fn round(price: f64) -> f64 {
    ///     price.round()
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = ToolRegistry::new().with_tools(tools![v1::round])?;
    /// registry.replace(tools![round])?;
    /// assert_eq!(registry.call("round", json!({ "price": 1.7 })).await?, 2.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`insert`](Self::insert), but for the name.
    pub fn replace(&self, tools: impl IntoTools) -> Result<(), Error> {
        self.change(tools, |tools, tool| {
            let tool = tools.get(tool.name()).map_or_else(|| Arc::clone(&tool), |earlier| tool.in_place_of(earlier));
            tools.insert(tool.name().to_owned(), tool);
            Ok(())
        })
    }

    /// Checks that every tool finds the state that it borrows. Building a client or a server of the registry does the same.
    ///
    /// ```
    /// use platools::{ErrorKind, ToolRegistry, tool, tools};
    ///
    /// struct Rates { euro: f64 }
    ///
    /// /// Convert dollars to euros.
    /// #[tool]
    /// async fn to_euros(dollars: f64, rates: &Rates) -> f64 {
    ///     dollars * rates.euro
    /// }
    ///
    /// let registry = ToolRegistry::new().with_tools(tools![to_euros])?;
    /// assert_eq!(registry.check().unwrap_err().kind(), ErrorKind::MissingState);
    /// registry.with_state(Rates { euro: 0.92 }).check()?;
    /// # Ok::<(), platools::Error>(())
    /// ```
    ///
    /// # Errors
    /// Tools borrow types that the registry has no state of: [`MissingState`](ErrorKind::MissingState). The message names each tool, its
    /// parameter and the type, one tool a line.
    pub fn check(&self) -> Result<(), Error> {
        // Tools that are added from here on find their state themselves.
        self.write(|contents| contents.is_checked = true);
        let bound = bind(&self.registered());
        if bound.is_err() {
            self.write(|contents| contents.is_checked = false);
        }
        bound
    }

    /// Removes a tool, and tells whether there was one. Calls of it that run go on.
    ///
    /// ```
    /// # use platools::{ToolRegistry, tool, tools};
    /// # /// Add two numbers.
    /// # #[tool]
    /// # async fn add(a: i64, b: i64) -> i64 { a + b }
    /// let registry = ToolRegistry::new().with_tools(tools![add])?;
    /// assert!(registry.remove("add"));
    /// assert!(!registry.remove("add"));
    /// # Ok::<(), platools::Error>(())
    /// ```
    pub fn remove(&self, name: &str) -> bool {
        let removed = self.write(|contents| contents.tools.shift_remove(name));
        if removed.is_some() {
            self.announce();
        }
        removed.is_some()
    }

    /// Removes every tool.
    pub fn clear(&self) {
        let removed = self.write(|contents| std::mem::take(&mut contents.tools));
        if !removed.is_empty() {
            self.announce();
        }
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

    /// The number of tools.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().tools.len()
    }

    /// Returns true if there are no tools.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A count that grows with every change of the set of tools.
    ///
    /// ```
    /// # use platools::{ToolRegistry, tool, tools};
    /// # /// Add two numbers.
    /// # #[tool]
    /// # async fn add(a: i64, b: i64) -> i64 { a + b }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = ToolRegistry::new();
    /// let mut changes = registry.changes();
    /// registry.insert(tools![add])?;
    /// changes.changed().await?;
    /// assert_eq!(registry.names(), ["add"]);
    /// # Ok(())
    /// # }
    /// ```
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

    /// Checks the tools, then adds all of them to a copy of the others, so that a failure leaves everything as it was.
    fn change(
        &self,
        tools: impl IntoTools,
        add: impl Fn(&mut Tools, Arc<RegisteredTool>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let tools = tools.into_tools().into_iter().map(|tool| RegisteredTool::new(tool, self.shared.state.clone()));
        let added: Vec<_> = tools.collect::<Result<_, _>>()?;
        if self.read().is_checked {
            bind(&added)?;
        }
        if added.is_empty() {
            return Ok(());
        }
        let replaced = self.write(|contents| {
            let mut changed = contents.tools.clone();
            added.iter().try_for_each(|tool| add(&mut changed, Arc::clone(tool)))?;
            Ok::<_, Error>(std::mem::replace(&mut contents.tools, changed))
        })?;
        drop(replaced);
        self.announce();
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Contents> {
        // The contents are replaced as a whole or not at all, so a panic under the lock leaves nothing half done.
        self.shared.contents.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Edits the contents. What was written elsewhere (declarations, binding, the `Drop` of a tool or of state) may read this
    /// registry, so it runs before or after: an edit returns what it takes out instead of dropping it.
    fn write<R>(&self, edit: impl FnOnce(&mut Contents) -> R) -> R {
        edit(&mut self.shared.contents.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn announce(&self) {
        self.shared.changes.send_modify(|count| *count += 1);
    }
}

impl fmt::Debug for ToolRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolRegistry")
            .field("tools", &self.names())
            .field("state", &self.shared.state.snapshot())
            .finish()
    }
}

#[derive(Default)]
struct RegistryState {
    contents: RwLock<Contents>,
    state: SharedState,
    /// Counts the changes, for code that mirrors the set of tools elsewhere.
    changes: watch::Sender<u64>,
}

type Tools = IndexMap<String, Arc<RegisteredTool>>;

#[derive(Default)]
struct Contents {
    tools: Tools,
    /// True once a client or server uses the registry: from then on, tools have to find their state when they are added.
    is_checked: bool,
}

/// Binds tools to their registry's state.
///
/// # Errors
/// State is missing; the message names every tool that lacks some.
fn bind(tools: &[Arc<RegisteredTool>]) -> Result<(), Error> {
    let missing: Vec<_> = tools.iter().filter_map(|tool| tool.bind().err()).collect();
    if missing.is_empty() { Ok(()) } else { Err(state_binding::missing(&missing)) }
}

#[cfg(test)]
mod tests;
