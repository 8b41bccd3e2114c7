// One file with the attribute and the list, whichever of the two is imported.
mod with_the_attribute {
    use platools::attr::{tool, tools};

    pub struct Orders;

    #[tools]
    impl Orders {
        /// Count.
        #[tool]
        fn count(&self) -> u8 {
            1
        }
    }

    /// Find.
    #[tool]
    pub fn find() {}

    pub fn listed() -> usize {
        platools::tools![find].len()
    }
}

mod with_the_list {
    use platools::{tool, tools};

    pub struct Orders;

    #[tool]
    impl Orders {
        /// Count.
        #[tool]
        fn count(&self) -> u8 {
            1
        }
    }

    /// Find.
    #[tool]
    pub fn find() {}

    pub fn listed() -> usize {
        tools![find].len()
    }
}

fn main() {
    assert_eq!((with_the_attribute::listed(), with_the_list::listed()), (1, 1));
}
