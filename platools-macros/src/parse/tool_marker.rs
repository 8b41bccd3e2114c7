//! [`is_tool`]: tells whether an attribute is `#[tool]`. [`refuse_second`] refuses a second `#[tool]` on the same function or method.

use syn::Attribute;

use crate::errors::Errors;

/// Returns true for `#[tool]` under any path.
pub(crate) fn is_tool(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "tool")
}

/// Reports and removes every further `#[tool]` on a function or method that has one.
pub(crate) fn refuse_second(attributes: &mut Vec<Attribute>, errors: &mut Errors) {
    attributes.retain(|attribute| {
        let second = is_tool(attribute);
        if second {
            errors.at(attribute, "the function is a tool already; join the two `#[tool(...)]`");
        }
        !second
    });
}
