mod orders {
    use platools::tool;

    /// Double a number.
    #[tool]
    pub fn double(n: u32) -> u32 {
        n * 2
    }
}

use orders::double;
use platools::{Tool, tools};

fn main() {
    assert_eq!(double(2), 4);
    assert_eq!(double {}.definition().name, "double");
    assert_eq!(tools![double].len(), 1);
    assert_eq!(tools![orders::double].len(), 1);
}
