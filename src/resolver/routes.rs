//! Routes: which servers are asked for which domain (split DNS). The longest domain wins; of equal ones, the first.

use super::upstream::Upstreams;
use crate::model::Route;
use crate::registry::Key;
use std::net::IpAddr;
use std::sync::Arc;

/// Domains with their servers, the longest first.
#[derive(Debug, Default)]
pub struct Routes(Vec<(Key, Arc<Upstreams>)>);

impl Routes {
    /// Makes them in the order of precedence.
    pub fn new(routes: impl IntoIterator<Item = (Key, Arc<Upstreams>)>) -> Self {
        let mut routes: Vec<_> = routes.into_iter().collect();
        routes.sort_by_key(|(domain, _)| std::cmp::Reverse(domain.as_bytes().len()));
        Self(routes)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the route of a name and how long its domain is.
    pub fn find(&self, name: &Key) -> Option<(usize, &Arc<Upstreams>)> {
        let found = self.0.iter().find(|(domain, _)| name.is_within(domain));
        found.map(|(domain, upstreams)| (domain.as_bytes().len(), upstreams))
    }
}

/// Makes each route's key and servers.
pub fn each<'a>(
    routes: &'a [Route],
    mut servers: impl FnMut(&[IpAddr]) -> Arc<Upstreams> + 'a,
) -> impl Iterator<Item = (Key, Arc<Upstreams>)> + 'a {
    routes.iter().map(move |route| (Key::of_route(route), servers(&route.servers)))
}
