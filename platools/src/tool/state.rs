//! [`State`]: holds the values that tools borrow from their registry, one for each type.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::context::Context;

/// Shared values, one for each type: database pools, clients, configuration.
#[derive(Clone, Default)]
pub struct State {
    values: HashMap<TypeId, (SharedValue, &'static str)>,
}

type SharedValue = Arc<dyn Any + Send + Sync>;

impl State {
    /// Adds every value of another state, and returns those of the same types that they replace.
    pub(crate) fn extend(&mut self, other: Self) -> Self {
        let replaced = other.values.into_iter().filter_map(|(id, value)| Some((id, self.values.insert(id, value)?)));
        Self { values: replaced.collect() }
    }

    /// Adds a value, and returns the one of the same type that it replaces.
    pub(crate) fn put<T: Any + Send + Sync>(&mut self, value: Arc<T>) -> Option<SharedValue> {
        self.values.insert(TypeId::of::<T>(), (value, type_name::<T>())).map(|(earlier, _)| earlier)
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

/// A tool cannot be bound: the registry's state lacks something that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindError {
    message: String,
}

impl BindError {
    fn missing(parameter: &str, wanted: &str) -> Self {
        Self {
            message: format!(
                "parameter `{parameter}` borrows a `{wanted}`, and the registry has no state of that type; add it with \
                 `with_state`, or `with_shared_state` if it is in an `Arc` already (of a client's builder: `state` and \
                 `shared_state`)"
            ),
        }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BindError {}

/// A type that a tool may borrow: the call's [`Context`], or state of its registry, which all calls share.
#[diagnostic::on_unimplemented(
    message = "a tool cannot borrow a `{Self}`",
    label = "all calls share what is borrowed, at the same time",
    note = "it needs `Send + Sync + 'static`; put what changes into a `Mutex` or an atomic"
)]
pub trait Injectable: Any + Send + Sync {}
impl<T: Any + Send + Sync> Injectable for T {}

/// A type that can be borrowed from the state because it is [`Injectable`].
///
/// The expansion of `#[tool]` asks for it wherever a borrowed parameter is named, with the same tokens, so that a type that cannot
/// be borrowed is one compile error.
pub struct Borrowing<T> {
    is_context: bool,
    from_state: fn(&State) -> Option<Arc<dyn Any + Send + Sync>>,
    cast: for<'a> fn(&'a (dyn Any + Send + Sync)) -> Option<&'a T>,
}

/// Asks that a tool can borrow a type.
#[must_use]
pub fn borrowing<T: Injectable>() -> Borrowing<T> {
    Borrowing {
        is_context: TypeId::of::<T>() == TypeId::of::<Context>(),
        from_state: |state| Some(state.get::<T>()?),
        cast: |value| value.downcast_ref(),
    }
}

impl<T> fmt::Debug for Borrowing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Borrowing<{}>", type_name::<T>())
    }
}

/// The source of a borrowed parameter, settled when the tool is bound.
#[derive(Debug)]
pub enum Injected {
    /// The call's own [`Context`].
    Call,
    /// The registry's state.
    State(Arc<dyn Any + Send + Sync>),
}

impl Injected {
    /// Finds the source of a parameter by its type.
    ///
    /// # Errors
    /// The registry has no value of the type.
    pub fn resolve<T>(borrowing: &Borrowing<T>, parameter: &'static str, state: &State) -> Result<Self, BindError> {
        if borrowing.is_context {
            return Ok(Self::Call);
        }
        let value = (borrowing.from_state)(state);
        value.map(Self::State).ok_or_else(|| BindError::missing(parameter, type_name::<T>()))
    }

    /// The value, for one call.
    pub fn get<'a, T>(&'a self, borrowing: &Borrowing<T>, context: &'a Context) -> &'a T {
        let value = match self {
            Self::Call => (borrowing.cast)(context),
            Self::State(value) => (borrowing.cast)(&**value),
        };
        value.expect("the source was found by this type")
    }
}
