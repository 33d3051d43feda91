//! Which way a message can go: the rules of a policy laid over the addresses of one person, and the transmitters behind the
//! names in `through`.

mod no_route;
pub(super) mod slots;
pub(super) mod stats;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use self::no_route::{NoRoute, NoRoutes, Why};
use self::slots::{SlotRequest, Slots};
use super::address::{number, topic};
use super::limit::toll_fraud::NumberRules;
use super::{Addresses, Purpose, Transmitter, smtp};
use crate::base::{Channel, Country};
use crate::config::DispatchPolicy;
use crate::config::dispatch_policy::{AddressKind, Rule};
use crate::config::price::Prices;

/// A transmitter, the group it belongs to, and what its messages cost.
pub struct Grouped {
    pub transmitter: Arc<dyn Transmitter>,
    pub group: Option<Arc<str>>,
    pub prices: Prices,
}

impl Grouped {
    /// One of which no price is known.
    pub fn new(transmitter: Arc<dyn Transmitter>, group: Option<Arc<str>>) -> Self {
        Self { transmitter, group, prices: Prices::default() }
    }
}

/// All transmitters and policies.
pub(in crate::dispatch) struct Routing {
    handles: Vec<Arc<TransmitterHandle>>,
    policies: HashMap<Arc<str>, DispatchPolicy>,
    guard: NumberRules,
}

/// One transmitter and how busy it is. Each has places of its own, so that one that hangs holds up nobody who has another way.
pub(in crate::dispatch) struct TransmitterHandle {
    pub transmitter: Arc<dyn Transmitter>,
    group: Option<Arc<str>>,
    pub prices: Prices,
    places: Slots,
    /// How long a hand-over took of late, in milliseconds.
    usual_ms: AtomicU64,
    /// The last hand-over failed for a reason that passes, or ended without an answer.
    fails: AtomicBool,
}

/// The transmitters behind a name.
#[derive(Default)]
pub(in crate::dispatch) struct Candidates {
    /// Those that send, with how long a message would wait for each; the least busy first.
    pub open: Vec<(Duration, Arc<TransmitterHandle>)>,
    /// Those that say that they cannot send for now.
    pub silent: Vec<Arc<TransmitterHandle>>,
}

/// What is taken for [`TransmitterHandle::usual_ms`] before anything was sent.
const USUAL_MS: u64 = 500;

/// One rule with the address it leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::dispatch) struct Route {
    /// Its place in the policy, from 0.
    pub rule: usize,
    pub channel: Channel,
    /// E.164, or a mail address.
    pub to: String,
    /// How `to` may be shown.
    pub masked: String,
    pub through: Vec<Arc<str>>,
    pub wait: Duration,
    /// The same, as the rule has it; `wait` is longer for who stands in line for as long as the passcode lives.
    pub usual_wait: Duration,
}

impl Route {
    /// Of a phone number that belongs to one.
    pub fn country(&self) -> Option<Country> {
        matches!(self.channel, Channel::Sms | Channel::Voice).then(|| Country::of_number(&self.to)).flatten()
    }

    pub fn masked(&self) -> String {
        self.masked.clone()
    }
}

impl Routing {
    pub fn new(transmitters: Vec<Grouped>, policies: Vec<DispatchPolicy>, guard: NumberRules) -> Self {
        let handle = |Grouped { transmitter, group, prices }| {
            let places = Slots::new(transmitter.places());
            Arc::new(TransmitterHandle {
                transmitter,
                group,
                prices,
                places,
                usual_ms: AtomicU64::new(USUAL_MS),
                fails: AtomicBool::new(false),
            })
        };
        Self {
            handles: transmitters.into_iter().map(handle).collect(),
            policies: policies.into_iter().map(|policy| (Arc::clone(&policy.name), policy)).collect(),
            guard,
        }
    }

    /// The names of all policies, in order.
    pub fn policies(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = self.policies.keys().cloned().collect();
        names.sort();
        names
    }

    pub fn knows(&self, policy: &str) -> bool {
        self.policies.contains_key(policy)
    }

    /// Which addresses of a person the rules of this policy send to, in the order of the rules.
    pub fn address_kinds(&self, policy: &str) -> Vec<AddressKind> {
        self.policies.get(policy).map(|policy| policy.rules.iter().map(|rule| rule.to).collect()).unwrap_or_default()
    }

    /// The rules that lead somewhere, in order; and where there are none, why.
    pub fn routes(&self, policy: &str, addresses: &Addresses) -> Result<Vec<Route>, NoRoutes> {
        let Some(policy) = self.policies.get(policy) else { return Err(NoRoutes::NoPolicy) };
        let mut routes = Vec::new();
        let mut reasons = Vec::new();
        for (place, rule) in policy.rules.iter().enumerate() {
            match self.address(rule, addresses) {
                Ok(to) => {
                    let (channel, through, wait) = (rule.channel, rule.through.clone(), rule.wait);
                    routes.push(Route { rule: place, channel, to, masked: String::new(), through, wait, usual_wait: wait });
                }
                Err(reason) if !reasons.contains(&reason) => reasons.push(reason),
                Err(_) => {}
            }
        }
        mask(&mut routes);
        if routes.is_empty() { Err(NoRoutes::Each(reasons)) } else { Ok(routes) }
    }

    /// What the directory has for this person and the policy cannot use, and why; for the log, where an operator may see to it.
    pub fn unusable(&self, policy: &str, addresses: &Addresses) -> Vec<String> {
        let rules = self.policies.get(policy).map(|policy| policy.rules.as_slice()).unwrap_or_default();
        let reasons = rules.iter().filter_map(|rule| self.address(rule, addresses).err());
        let mut reasons: Vec<NoRoute> = reasons.filter(NoRoute::is_a_mistake).collect();
        reasons.dedup();
        reasons.iter().map(ToString::to_string).collect()
    }

    fn address(&self, rule: &Rule, addresses: &Addresses) -> Result<String, NoRoute> {
        let (name, address) = match rule.to {
            AddressKind::Mobile => ("mobile", &addresses.mobile),
            AddressKind::SecondMobile => ("second_mobile", &addresses.second_mobile),
            AddressKind::Mail => ("mail", &addresses.mail),
            AddressKind::Push => ("push", &addresses.push),
        };
        let no = |why| NoRoute { name, why };
        let typed = address.as_deref().unwrap_or_default().trim();
        if typed.is_empty() {
            return Err(no(Why::None));
        }
        match rule.channel {
            Channel::Sms | Channel::Voice => {
                let number = number::normalise(typed, addresses.country_prefix.as_deref());
                let number = number.map_err(|error| no(Why::Number(error)))?;
                let country = Country::of_number(&number);
                let among = |list: &[Country]| country.is_some_and(|country| list.contains(&country));
                if (!rule.to_country.is_empty() && !among(&rule.to_country)) || among(&rule.to_country_not) {
                    return Err(no(Why::OtherCountry));
                }
                match self.guard.refuses(&number) {
                    None => Ok(number),
                    Some(why) => Err(no(Why::Barred(why))),
                }
            }
            Channel::Mail => smtp::address::address(typed).ok_or_else(|| no(Why::NoMailAddress)),
            Channel::Push => topic::topic(typed).ok_or_else(|| no(Why::NoTopic)),
        }
    }

    /// Every transmitter, with its group.
    pub fn all(&self) -> impl Iterator<Item = (&TransmitterHandle, Option<&str>)> {
        self.handles.iter().map(|handle| (&**handle, handle.group.as_deref()))
    }

    /// One by its own name.
    pub fn transmitter(&self, name: &str) -> Option<&dyn Transmitter> {
        self.handles.iter().find(|handle| handle.transmitter.name() == name).map(|handle| &*handle.transmitter)
    }

    /// The same with its places.
    pub fn handle(&self, name: &str) -> Option<Arc<TransmitterHandle>> {
        self.handles.iter().find(|handle| handle.transmitter.name() == name).map(Arc::clone)
    }

    /// Whether a rule sends through this transmitter, by its own name or its group's.
    pub fn leads(&self, route: &Route, transmitter: &str) -> bool {
        self.handle(transmitter).is_some_and(|handle| {
            let named = |name: &Arc<str>| &**name == transmitter || handle.group.as_ref() == Some(name);
            handle.transmitter.serves(route.channel) && route.through.iter().any(named)
        })
    }

    /// The transmitters behind a name that serve the channel: one, or the members of a group.
    pub fn candidates(&self, name: &str, channel: Channel, purpose: Purpose) -> Candidates {
        let meant = |handle: &&Arc<TransmitterHandle>| {
            (handle.transmitter.name() == name || handle.group.as_deref() == Some(name)) && handle.transmitter.serves(channel)
        };
        let mut candidates = Candidates::default();
        for handle in self.handles.iter().filter(meant) {
            match handle.backlog(purpose) {
                Some(backlog) => candidates.open.push((backlog, Arc::clone(handle))),
                None => candidates.silent.push(Arc::clone(handle)),
            }
        }
        candidates.open.sort_by_key(|(backlog, handle)| (*backlog, handle.places.crowd(purpose).all));
        candidates
    }
}

/// Says how each address may be shown; two numbers of one person do not look the same.
fn mask(routes: &mut [Route]) {
    let is_number = |route: &&Route| matches!(route.channel, Channel::Sms | Channel::Voice);
    let numbers: Vec<String> = routes.iter().filter(is_number).map(|route| route.to.clone()).collect();
    for route in routes {
        route.masked = match route.channel {
            Channel::Sms | Channel::Voice => number::mask_among(&route.to, numbers.iter().map(String::as_str)),
            Channel::Mail => number::mask_mail(&smtp::address::shown(&route.to)),
            // Whoever knows the topic can read along.
            Channel::Push => "••••".to_owned(),
        };
    }
}

impl TransmitterHandle {
    /// How many hand-overs are under way or wait for a place.
    pub fn busy(&self) -> usize {
        self.places.crowd(Purpose::Notice).all
    }

    /// Stands in line for one of its places.
    pub fn enter(&self, purpose: Purpose) -> SlotRequest {
        self.places.enter(purpose)
    }

    /// How long a message that comes now would wait; nothing: it cannot send for now.
    pub fn backlog(&self, purpose: Purpose) -> Option<Duration> {
        let own = self.transmitter.backlog()?;
        let crowd = self.places.crowd(purpose);
        let before = match self.transmitter.pace() {
            Some(pace) => pace.saturating_mul(u32::try_from(crowd.coming).unwrap_or(u32::MAX)),
            None => {
                let over = u64::try_from(crowd.over).unwrap_or(u64::MAX);
                let places = u64::try_from(crowd.places).unwrap_or(u64::MAX).max(1);
                Duration::from_millis(self.usual_ms.load(Ordering::Relaxed).saturating_mul(over) / places)
            }
        };
        Some(own.saturating_add(before))
    }

    /// Whether it would be waiting behind others for what probably does not answer them.
    pub fn is_stuck(&self, purpose: Purpose) -> bool {
        self.fails.load(Ordering::Relaxed) && self.places.crowd(purpose).over > 0
    }

    /// Remembers whether the last hand-over failed for a reason that passes.
    pub fn failed(&self, fails: bool) {
        self.fails.store(fails, Ordering::Relaxed);
    }

    /// Remembers how long a message took that was taken over.
    pub fn took(&self, spent: Duration) {
        let spent = u64::try_from(spent.as_millis()).unwrap_or(u64::MAX);
        let usual = self.usual_ms.load(Ordering::Relaxed);
        // One that is lost to another at the same moment is no matter.
        self.usual_ms.store(usual.saturating_mul(3).saturating_add(spent) / 4, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;

    fn rule(channel: Channel, to: AddressKind, only: &[&str], not: &[&str]) -> Rule {
        let countries = |codes: &[&str]| codes.iter().filter_map(|code| Country::named(code)).collect();
        let (to_country, to_country_not) = (countries(only), countries(not));
        Rule { channel, to, through: vec!["a".into()], to_country, to_country_not, wait: Duration::from_secs(30) }
    }

    /// The places of the rules that lead to this mobile number, and to a mailbox.
    fn rules(number: &str, countries: &[&str]) -> Vec<usize> {
        let rules = vec![
            rule(Channel::Sms, AddressKind::Mobile, &["DK", "SE"], &[]),
            rule(Channel::Voice, AddressKind::Mobile, &[], &["DK"]),
            rule(Channel::Mail, AddressKind::Mail, &[], &[]),
        ];
        let countries = countries.iter().filter_map(|code| Country::named(code)).collect();
        let guard = NumberRules::new(&Limits { countries, refuse_prefixes: vec!["+45900".into()], ..Limits::default() });
        let routing = Routing::new(Vec::new(), vec![DispatchPolicy { name: "p".into(), rules }], guard);
        let mail = Some("a@example.com".to_owned());
        let addresses = Addresses { mobile: Some(number.to_owned()), mail, ..Addresses::default() };
        routing.routes("p", &addresses).unwrap().iter().map(|route| route.rule).collect()
    }

    #[test]
    fn a_rule_looks_at_the_numbers_country() {
        assert_eq!(rules("+4512345678", &[]), [0, 2]);
        assert_eq!(rules("+46701234567", &[]), [0, 1, 2]);
        assert_eq!(rules("+12125550100", &[]), [1, 2]);
        assert_eq!(rules("+88212345678", &[]), [1, 2], "of no country, so of none that is excluded");
    }

    #[test]
    fn two_numbers_of_a_person_do_not_look_the_same() {
        let rules = vec![
            rule(Channel::Sms, AddressKind::Mobile, &[], &[]),
            rule(Channel::Voice, AddressKind::Mobile, &[], &[]),
            rule(Channel::Sms, AddressKind::SecondMobile, &[], &[]),
        ];
        let policies = vec![DispatchPolicy { name: "p".into(), rules }];
        let routing = Routing::new(Vec::new(), policies, NumberRules::new(&Limits::default()));
        for (first, second, masks) in [
            ("+4512345678", "+4587654321", ["•••• 78", "•••• 78", "•••• 21"]),
            ("+4512345678", "+4512345178", ["•••• 678", "•••• 678", "•••• 178"]),
            ("+4512345678", "+4512340678", ["•••• 5678", "•••• 5678", "•••• 0678"]),
            ("+4512345678", "+4512345678", ["•••• 78", "•••• 78", "•••• 78"]),
            ("+4512345678", "+4612345678", ["•••• 78", "•••• 78", "•••• 78"]),
        ] {
            let [mobile, second_mobile] = [first, second].map(|number| Some(number.to_owned()));
            let routes = routing.routes("p", &Addresses { mobile, second_mobile, ..Addresses::default() }).unwrap();
            assert_eq!(routes.iter().map(Route::masked).collect::<Vec<_>>(), masks, "{first} {second}");
        }
    }

    #[test]
    fn numbers_that_the_operator_bars_are_not_sent_to() {
        assert_eq!(rules("+4590012345", &[]), [2]);
        assert_eq!(rules("+46701234567", &["DK"]), [2]);
        assert_eq!(rules("+88212345678", &["DK"]), [2]);
    }
}
