//! [`Errors`]: collects all mistakes of one function or impl block, so that the compiler shows them together.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The mistakes found so far. They are reported with [`Errors::into_tokens`] or handed on with [`Errors::join`], never dropped.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    /// Adds a mistake, shown under `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    /// Adds a mistake that was made elsewhere.
    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            none => *none = Some(error),
        }
    }

    /// Returns the value, or keeps the error.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// Adds the mistakes of a part.
    pub(crate) fn join(&mut self, mut part: Self) {
        if let Some(errors) = part.0.take() {
            self.add(errors);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Converts the errors into code that makes the compiler report them.
    pub(crate) fn into_tokens(mut self) -> TokenStream {
        self.0.take().map(|errors| errors.into_compile_error()).unwrap_or_default()
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        // A mistake without a report would compile.
        debug_assert!(self.0.is_none() || std::thread::panicking(), "the errors of a macro were dropped unreported");
    }
}
