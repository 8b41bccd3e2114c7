#![no_implicit_prelude]
#![deny(warnings)]

use ::platools::attr::tools;
use ::std::marker::{Send, Sync};

pub struct Orders<T, const N: usize>(pub T);

#[tools]
impl<T: Send + Sync, const N: usize> Orders<T, N> {
    const STEP: usize = N;

    /// Count.
    #[tool]
    pub async fn count(&self, #[arg(default = Self::STEP, range(..=Self::STEP))] by: usize, other: &str) -> usize {
        let _ = (&self.0, other);
        by
    }

    /// Stand alone.
    #[tool(name = "alone")]
    pub fn stand_alone() -> ::std::result::Result<usize, ::std::string::String> {
        ::std::result::Result::Ok(N)
    }
}

fn main() {
    let registry = ::platools::ToolRegistry::new().with_tools(Orders::<_, 3>(1_u8)).unwrap();
    ::std::assert_eq!(registry.names(), ["count", "alone"]);
}
