//! [`Listing`]: one page of a list from newest to oldest, and the position at which the next page begins.

/// A part of a list that goes from the latest to the oldest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing<T, Place> {
    /// The items, as many as were asked for if there are so many.
    pub items: Vec<T>,
    /// The place to go on from, if the search ended before the items were complete: it looks at a bounded number of rows at a time.
    pub more: Option<Place>,
}

impl<T, Place> Listing<T, Place> {
    /// Converts the items and the position.
    pub(crate) fn map<U, Other>(
        self,
        item: impl FnMut(T) -> U,
        place: impl FnOnce(Place) -> Other,
    ) -> Listing<U, Other> {
        Listing { items: self.items.into_iter().map(item).collect(), more: self.more.map(place) }
    }
}
