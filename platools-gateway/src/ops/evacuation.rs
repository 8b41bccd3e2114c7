//! [`Evacuation`]: sends the workers of a gateway elsewhere while it lacks the bus or the database and another gateway does not.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::background::periodic::every;
use crate::cluster::{Members, Outages, SharedPart, TOLERANCE};
use crate::domain::ids::GatewayNumber;
use crate::links::{Links, Notice};

/// The time from `/ready` with 503 to the notice for workers, in which load balancers notice. Workers would come back here before.
const NOTICE: Duration = Duration::from_secs(5);

/// The interval of looks.
const LOOK: Duration = Duration::from_secs(1);

/// Sends workers elsewhere when that helps: this gateway has been without a part for long, and another one has it.
#[derive(Debug)]
pub(crate) struct Evacuation {
    pub(crate) outages: Outages,
    /// True while another gateway is known to be connected to the bus.
    pub(crate) others_have_bus: watch::Receiver<bool>,
    /// The members, which say whether they have the database, and the number of this one.
    pub(crate) members: Members,
    pub(crate) number: GatewayNumber,
    pub(crate) links: Arc<Links>,
    /// True while workers are sent elsewhere.
    pub(crate) is_under_way: watch::Sender<bool>,
}

impl Evacuation {
    /// Looks at intervals. Never returns.
    pub(crate) async fn run(&self) {
        every(LOOK, || async { self.look() }).await;
    }

    fn look(&self) {
        if self.outages.lasting(TOLERANCE).is_none() {
            if self.is_under_way.send_replace(false) {
                tracing::info!("workers are taken again");
            }
            return;
        }
        let helps = |part| self.outages.lasts(part, TOLERANCE + NOTICE) && self.others_have(part);
        let Some(part) = [SharedPart::Bus, SharedPart::Database].into_iter().find(|part| helps(*part)) else { return };
        if !self.is_under_way.send_replace(true) {
            tracing::warn!(lost = ?part, workers = self.links.count(), "workers sent to other gateways");
            self.links.notify_all(&Notice::Drain { deadline: None });
        }
    }

    fn others_have(&self, part: SharedPart) -> bool {
        match part {
            SharedPart::Bus => *self.others_have_bus.borrow(),
            SharedPart::Database => self.members.others_have_database(self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use platools_protocol::tool_sync::{Feature, Features};
    use tokio::time::advance;

    use super::*;
    use crate::domain::identity::Policy;
    use crate::links::{Link, NewLink, Order};

    fn number(number: u16) -> GatewayNumber {
        GatewayNumber::new(number).unwrap()
    }

    struct Isolated {
        evacuation: Evacuation,
        link: Link,
        others_have_bus: watch::Sender<bool>,
    }

    impl Isolated {
        /// A gateway with a worker, which has lost a part.
        fn without(part: SharedPart) -> Self {
            let others_have_bus = watch::Sender::new(false);
            let evacuation = Evacuation {
                outages: Outages::default(),
                others_have_bus: others_have_bus.subscribe(),
                members: Members::default(),
                number: number(1),
                links: Arc::default(),
                is_under_way: watch::Sender::new(false),
            };
            let features = Features::from_iter([Feature::Drain]);
            let link = evacuation.links.attach(NewLink { features, ..NewLink::sample(Policy::Supersede) });
            evacuation.outages.note(part, false);
            Self { evacuation, link, others_have_bus }
        }

        /// Looks after a time, and tells whether the worker was sent elsewhere.
        async fn drains_after(&mut self, time: Duration) -> bool {
            advance(time).await;
            self.evacuation.look();
            let order = self.link.next().now_or_never().flatten();
            assert!(matches!(order, None | Some(Order::Notice(Notice::Drain { deadline: None }))));
            order.is_some()
        }

        fn turns_workers_away(&self) -> bool {
            *self.evacuation.is_under_way.borrow()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn workers_are_sent_elsewhere_once_when_another_gateway_has_the_bus() {
        let mut isolated = Isolated::without(SharedPart::Bus);
        isolated.others_have_bus.send_replace(true);
        assert!(!isolated.drains_after(TOLERANCE).await, "load balancers have not noticed yet");
        assert!(isolated.drains_after(NOTICE).await && isolated.turns_workers_away());
        assert!(!isolated.drains_after(Duration::from_secs(60)).await);
        isolated.others_have_bus.send_replace(false);
        assert!(!isolated.drains_after(LOOK).await && isolated.turns_workers_away());
        isolated.evacuation.outages.note(SharedPart::Bus, true);
        assert!(!isolated.drains_after(LOOK).await && !isolated.turns_workers_away());
    }

    #[tokio::test(start_paused = true)]
    async fn workers_stay_when_no_gateway_has_the_bus() {
        let mut isolated = Isolated::without(SharedPart::Bus);
        assert!(!isolated.drains_after(Duration::from_secs(600)).await && !isolated.turns_workers_away());
        isolated.others_have_bus.send_replace(true);
        assert!(isolated.drains_after(LOOK).await, "another one is back");
    }

    #[tokio::test(start_paused = true)]
    async fn workers_are_sent_elsewhere_when_another_gateway_has_the_database() {
        let mut isolated = Isolated::without(SharedPart::Database);
        isolated.others_have_bus.send_replace(true);
        assert!(!isolated.drains_after(Duration::from_secs(60)).await, "the bus is no database");
        let members = isolated.evacuation.members.clone();
        members.note_sample(number(1), true);
        members.note_sample(number(2), false);
        assert!(!isolated.drains_after(LOOK).await, "no other gateway has it");
        members.note_sample(number(2), true);
        assert!(isolated.drains_after(LOOK).await);
    }
}
