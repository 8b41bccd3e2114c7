//! What the signature of a tool must be like.

use syn::{GenericParam, ReceiverKind, ReturnType, Safety, Signature};

use crate::errors::Errors;
use crate::model::Place;
use crate::name;

/// Notes every mistake in a signature but those in its parameters.
pub(crate) fn signature(signature: &Signature, errors: &mut Errors) {
    generics(signature, errors);
    qualifiers(signature, errors);
    if let ReturnType::Type(_, ty) = &signature.output
        && name::mentions(quote::quote!(#ty), "impl")
    {
        errors.at(
            ty,
            "a tool's result has a type with a name, which its schema describes; write one in place of `impl` (and \
             `async fn` for a future)",
        );
    }
}

fn generics(signature: &Signature, errors: &mut Errors) {
    for parameter in &signature.generics.params {
        errors.at(
            parameter,
            match parameter {
                GenericParam::Lifetime(_) => {
                    "a tool has no lifetime parameters: what it borrows lives as long as the call; leave them out"
                }
                GenericParam::Type(_) | GenericParam::Const(_) => {
                    "a tool cannot be generic: its schema needs concrete types; write a tool for each type, calling the \
                     generic function"
                }
            },
        );
    }
}

fn qualifiers(signature: &Signature, errors: &mut Errors) {
    if let Safety::Unsafe(token) = &signature.safety {
        errors.at(token, "a tool is called with whatever a caller sends, so it cannot be `unsafe`");
    }
    if let Some(abi) = &signature.abi {
        errors.at(abi, "a tool is an ordinary Rust function, without `extern`");
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(variadic, "a tool's parameters are all written out; take a `Vec` for any number of values");
    }
}

/// Notes a `self` that there is no value for, or that the calls of a tool cannot share.
pub(crate) fn receiver(signature: &Signature, place: Place, errors: &mut Errors) {
    let Some(receiver) = signature.receiver() else { return };
    if place == Place::Free {
        errors.at(receiver, "a method is a tool of its value: put `#[tools]` on the impl block as well");
    } else if !matches!(receiver.kind, ReceiverKind::Reference(_, _, None)) {
        errors.at(
            receiver,
            "all calls share the value, so a tool takes `&self`; put what changes into a `Mutex` or an atomic",
        );
    }
}
