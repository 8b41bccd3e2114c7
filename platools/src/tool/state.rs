//! Values a tool borrows from its registry instead of from its caller.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::context::Context;

/// Shared values, one per type: database pools, clients, configuration.
#[derive(Clone, Default)]
pub struct State {
    values: HashMap<TypeId, (Arc<dyn Any + Send + Sync>, &'static str)>,
}

impl State {
    /// Adds a value, in place of one of the same type.
    pub fn insert<T: Any + Send + Sync>(&mut self, value: Arc<T>) {
        self.values.insert(TypeId::of::<T>(), (value, type_name::<T>()));
    }

    /// The value of a type.
    #[must_use]
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let (value, _) = self.values.get(&TypeId::of::<T>())?;
        Arc::clone(value).downcast().ok()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.values().map(|(_, name)| name)).finish()
    }
}

/// A tool cannot be bound: it borrows a type the registry has no value of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindError {
    parameter: &'static str,
    wanted: &'static str,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parameter, wanted } = self;
        write!(
            f,
            "parameter `{parameter}` borrows a `{wanted}`, and the registry has no state of that type; add it with \
             `with_state` before the tool (a value already in an `Arc` with `with_shared_state`)"
        )
    }
}

impl std::error::Error for BindError {}

/// A type that a tool may borrow: the call's [`Context`], or state of its registry, which all calls share.
pub trait Injectable: Any + Send + Sync {}
impl<T: Any + Send + Sync> Injectable for T {}

/// Where a borrowed parameter comes from, settled when the tool is bound.
///
/// The bounds on `T` are asked for in [`resolve`](Self::resolve) alone, so that a type that cannot be borrowed is one compile
/// error and not one for each use.
pub struct Injected<T> {
    source: Source,
    cast: for<'a> fn(&'a (dyn Any + Send + Sync)) -> Option<&'a T>,
}

enum Source {
    /// The call's own [`Context`].
    Call,
    /// The registry's state.
    State(Arc<dyn Any + Send + Sync>),
}

impl<T> Injected<T> {
    /// Finds the source of a parameter by its type.
    ///
    /// # Errors
    /// The registry has no value of the type.
    pub fn resolve(parameter: &'static str, state: &State) -> Result<Self, BindError>
    where
        T: Injectable,
    {
        let source = if TypeId::of::<T>() == TypeId::of::<Context>() {
            Source::Call
        } else {
            Source::State(state.get::<T>().ok_or(BindError { parameter, wanted: type_name::<T>() })?)
        };
        Ok(Self { source, cast: |value| value.downcast_ref() })
    }

    /// The value, for one call.
    pub fn get<'a>(&'a self, context: &'a Context) -> &'a T {
        let value = match &self.source {
            Source::Call => (self.cast)(context),
            Source::State(value) => (self.cast)(&**value),
        };
        value.expect("the source was found by this type")
    }
}

impl<T> fmt::Debug for Injected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Injected").field("type", &type_name::<T>()).finish_non_exhaustive()
    }
}
