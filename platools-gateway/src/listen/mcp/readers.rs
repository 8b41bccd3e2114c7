//! Who reads the stream of what happens by itself.
//!
//! A client that lost this stream asks for it again, and often before anybody here has noticed the loss; so there may be several
//! readers, of which only the latest is there. What happens is for that one: the protocol wants it told once. Those before it are
//! not ended, as a client that has two of them would come back with one for ever; they get what comes when the latest is gone.

use std::sync::Arc;

use tokio::sync::watch;

/// More than any client needs. Past that the first to come makes room.
const MOST: usize = 16;

/// The readers of one session's stream.
#[derive(Debug, Default)]
pub(super) struct Readers(watch::Sender<Line>);

#[derive(Debug, Default)]
struct Line {
    /// How many have come.
    come: u64,
    /// Those who are there, the latest last.
    present: Vec<u64>,
    /// The number of the latest event that any of them was given.
    given: u64,
}

/// One of the readers, until it is dropped.
#[derive(Debug)]
pub(super) struct Reader {
    readers: Arc<Readers>,
    line: watch::Receiver<Line>,
    number: u64,
}

/// Whose turn it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The reader's own.
    Own,
    /// That of one who came later.
    Later,
    /// The reader had to make room.
    Over,
}

impl Readers {
    /// Takes one more in; it is the latest.
    pub(super) fn join(self: &Arc<Self>) -> Reader {
        let mut number = 0;
        self.0.send_modify(|line| {
            line.come += 1;
            number = line.come;
            line.present.push(number);
            if line.present.len() > MOST {
                line.present.remove(0);
            }
        });
        Reader { readers: Arc::clone(self), line: self.0.subscribe(), number }
    }
}

impl Reader {
    /// Whose turn it is now.
    pub(super) fn turn(&mut self) -> Turn {
        let line = self.line.borrow_and_update();
        match line.present.iter().position(|number| *number == self.number) {
            Some(place) if place + 1 == line.present.len() => Turn::Own,
            Some(_) => Turn::Later,
            None => Turn::Over,
        }
    }

    /// Waits until that may have changed. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        // It has the sender itself.
        let _ = self.line.changed().await;
    }

    /// The number of the latest event that anybody was given.
    pub(super) fn given(&self) -> u64 {
        self.line.borrow().given
    }

    /// Notes that it was given an event.
    pub(super) fn takes(&self, number: u64) {
        self.readers.0.send_if_modified(|line| {
            line.given = line.given.max(number);
            // Nobody waits for that.
            false
        });
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.readers.0.send_modify(|line| line.present.retain(|number| *number != self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_latest_ones_turn_who_is_there() {
        let readers = Arc::new(Readers::default());
        let (mut first, mut second, mut third) = (readers.join(), readers.join(), readers.join());
        assert_eq!([first.turn(), second.turn(), third.turn()], [Turn::Later, Turn::Later, Turn::Own]);
        third.takes(7);
        drop(second);
        assert_eq!([first.turn(), third.turn()], [Turn::Later, Turn::Own]);
        drop(third);
        assert_eq!((first.turn(), first.given()), (Turn::Own, 7));
    }

    #[test]
    fn where_there_are_too_many_the_first_makes_room() {
        let readers = Arc::new(Readers::default());
        let mut all: Vec<_> = (0..=MOST).map(|_| readers.join()).collect();
        assert_eq!([all[0].turn(), all[1].turn(), all[MOST].turn()], [Turn::Over, Turn::Later, Turn::Own]);
    }
}
