use platools::{Context, Tool, tool, tools};

macro_rules! tools_of {
    ($($(#[$meta:meta])* $name:ident($argument:ident: $ty:ty = $default:expr, $borrowed:ty) -> $returns:ty $(, $timeout:literal)?;)*) => {$(
        $(#[$meta])*
        #[tool($(timeout = $timeout)?)]
        async fn $name(#[arg(default = $default)] $argument: $ty, _borrowed: $borrowed, text: &str) -> $returns {
            let _ = text;
            $argument
        }
    )*};
}

tools_of! {
    /// One.
    one(n: u8 = 1, &Context) -> u8, "2s";
    /// Two.
    two(name: String = "x", &Context) -> String;
}

fn main() {
    let definition = one {}.definition();
    assert_eq!(definition.description, "One.");
    assert_eq!(definition.timeout, Some(std::time::Duration::from_secs(2)));
    assert_eq!(definition.input_schema["properties"]["n"]["default"], 1);
    assert_eq!(definition.input_schema["required"], serde_json::json!(["text"]));
    assert_eq!(tools![one, two].len(), 2);
}
