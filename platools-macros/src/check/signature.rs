//! [`signature()`]: refuses a function or method that cannot be a tool, such as an `unsafe fn` or a generic function.

use syn::{GenericParam, ReceiverKind, ReturnType, Safety, Signature};

use crate::errors::Errors;
use crate::model::ItemKind;
use crate::spans;

/// Reports every error in a signature, without those in its parameters.
pub(crate) fn signature(signature: &Signature, kind: ItemKind, errors: &mut Errors) {
    generics(signature, kind, errors);
    qualifiers(signature, errors);
    if let ReturnType::Type(_, ty) = &signature.output
        && spans::mentions(quote::quote!(#ty), "impl")
    {
        errors.at(
            ty,
            "a tool's result has a type with a name, which its schema describes; write one in place of `impl` (and \
             `async fn` for a future)",
        );
    }
    receiver(signature, kind, errors);
}

fn generics(signature: &Signature, kind: ItemKind, errors: &mut Errors) {
    for parameter in &signature.generics.params {
        errors.at(
            parameter,
            match (parameter, kind) {
                (GenericParam::Lifetime(_), _) => {
                    "a tool has no lifetime parameters: its borrowed parameters live as long as the call; leave them out"
                }
                (GenericParam::Type(_) | GenericParam::Const(_), ItemKind::Function) => {
                    "a function with generic parameters is no tool, because a call names no types; make it a \
                     method of a generic type whose values name them (`#[tool] impl<S: Store> Orders<S>`), or borrow state \
                     such as `&Arc<dyn Store>`"
                }
                (GenericParam::Type(_) | GenericParam::Const(_), ItemKind::Method) => {
                    "a method that is a tool has no generic parameters of its own, because a call names no types; \
                     put them on the impl block (`impl<S: Store> Orders<S>`)"
                }
            },
        );
    }
}

fn qualifiers(signature: &Signature, errors: &mut Errors) {
    if let Safety::Unsafe(token) = &signature.safety {
        errors.at(
            token,
            "a tool cannot be `unsafe`, because callers choose its arguments; check them in a safe function",
        );
    }
    if let Some(abi) = &signature.abi {
        errors.at(abi, "a tool is an ordinary Rust function, without `extern`");
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(variadic, "a tool's parameters are all written out; take a `Vec` for any number of values");
    }
}

/// Reports a `self` outside of an impl block with tools, and one that calls cannot share.
fn receiver(signature: &Signature, kind: ItemKind, errors: &mut Errors) {
    let Some(receiver) = signature.receiver() else { return };
    if kind == ItemKind::Function {
        errors.at(receiver, "a method is a tool of its value: put `#[tool]` on the impl block as well");
    } else if !matches!(receiver.kind, ReceiverKind::Reference(_, _, None)) {
        errors.at(
            receiver,
            "all calls share the value, so a tool takes `&self`; put what changes into a `Mutex` or an atomic",
        );
    }
}
