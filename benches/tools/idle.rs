//! Connections that have done one request each and then do nothing, until standard input ends.

use std::cell::{Cell, RefCell};
use std::io::Read;
use std::rc::Rc;

use tokio::task::spawn_local;

use super::Arguments;
use super::client::Target;

/// How many are opened at a time.
const OPENERS: usize = 32;

pub async fn run(arguments: &Arguments) {
    let (target, wanted) = (Rc::new(Target::new(arguments, false)), arguments.number("connections"));
    let open = Rc::new(RefCell::new(Vec::with_capacity(wanted)));
    let (next, failed) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let mut tasks = Vec::new();
    for _ in 0..OPENERS {
        let (target, open, next, failed) = (Rc::clone(&target), Rc::clone(&open), Rc::clone(&next), Rc::clone(&failed));
        tasks.push(spawn_local(async move {
            while next.get() < wanted {
                let number = next.get();
                next.set(number + 1);
                let opened = async {
                    let mut connection = target.connect(number).await?;
                    target.ask(&mut connection).await.map(|_| connection)
                };
                match opened.await {
                    Ok(mut connection) => {
                        connection.shrink();
                        open.borrow_mut().push(connection);
                    }
                    Err(error) => {
                        eprintln!("{error}");
                        failed.set(failed.get() + 1);
                    }
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    println!(r#"{{"open":{},"failed":{}}}"#, open.borrow().len(), failed.get());
    // Nothing else is to happen here: who measures looks at the other end now.
    drop(std::io::stdin().read(&mut [0]));
}
