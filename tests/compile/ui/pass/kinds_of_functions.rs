use platools::tool::Execution;
use platools::{Tool, tool};

/// Const.
#[tool]
const fn constant() -> u8 {
    1
}

/// Inline.
#[tool(inline)]
async fn inline() {}

/// Mutable.
#[tool]
fn mutable(mut n: u8) -> u8 {
    n += 1;
    n
}

/// Early.
#[tool]
async fn early(n: u8) -> Result<u8, String> {
    if n == 0 {
        return Err("zero".to_owned());
    }
    Err("other")?
}

/// Public.
#[tool(name = "Public-1")]
pub fn public() {}

fn main() {
    const ONE: u8 = constant();
    assert_eq!(mutable(ONE), 2);
    assert_eq!(constant {}.definition().execution, Execution::Blocking);
    assert_eq!(inline {}.definition().execution, Execution::Inline);
    assert_eq!(early {}.definition().execution, Execution::Task);
    assert_eq!(public {}.definition().name, "Public-1");
}
