//! Doorward stands in front of web applications which cannot do modern sign-in themselves. This is the map.
//!
//! ```text
//!    main  cli
//!       |
//!      app ------------------------------  builds and wires; only main and cli import it
//!       |
//!    server                                sockets, TLS, HTTP
//!       |
//!    gateway                               the door: what becomes of one request
//!     |     |
//!    web   proxy                           our pages | the applications (never each other)
//!     |     |
//!    auth <-+                              the house rules: who comes in, and how
//!       |
//!    directory   dispatch                  neighbours: who people are | how they are reached (never each other)
//!                  |
//!                audit                     the journal
//!                  |
//!                store                     records and events
//!                  |
//!    config                                what the operator wrote, as plain data
//!       |
//!    base                                  clock, random, secret, id, keys, language, path, factor
//! ```
//!
//! Imports point down; `tests/doorward/architecture.rs` holds the picture as a test. A feature has one word, and that word is the
//! name of its file or folder in `src/auth`, `src/web`, `templates` and `tests/doorward`.
//!
//! **The way of a request.** `server::accept` takes the connection on one of the cores and `server::connection::http` turns it into an exchange.
//! `gateway::Gateway::handle` tells the rest from top to bottom: behind trusted proxies `gateway::client` finds the true address,
//! forged headers are dropped, `gateway::route` judges host and path once, and `gateway::gate` asks the sessions in memory for a
//! [`auth::session::Permit`]. With one, `proxy` forwards; a page of ours is answered by `web`; everything else becomes an answer
//! in `gateway::respond`. Nothing on this way takes a lock or waits for a store.
//!
//! **The way of a login.** `web` opens the form's sealed field and puts an [`auth::Ask`] to the [`auth::Gatekeeper`], which works on a
//! runtime of its own: `auth::password::login` goes through limits, directory, lock-out and policy. `auth::flow::engine` asks for the
//! factors of the rule's plan and judges what was typed; each factor has a module that begins and judges it (`auth::passcode` makes a
//! passcode and hands it to `dispatch`), and what is known between two requests is sealed in a record. `auth::flow::grant` alone decides
//! whether that is enough and makes the [`auth::flow::Grant`]. `auth::entry` turns it into what the door knows: a session in
//! `auth::session::registry` for a browser, an accept for a client. Every branch is an event of `audit`.

pub mod app;
pub mod audit;
pub mod auth;
pub mod base;
pub mod cli;
pub mod config;
pub mod directory;
pub mod dispatch;
pub mod gateway;
pub mod proxy;
pub mod server;
pub mod store;
pub mod web;
