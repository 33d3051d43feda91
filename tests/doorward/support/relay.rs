//! A relay of the test's own, which answers as it is told and writes down what it hears. For what no real relay does, or not when asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The answer to a line in this conversation (from 0), without the last CR LF. Nothing: what a good relay says. The greeting is the answer to "".
pub type Answers = Box<dyn Fn(&str, usize) -> Option<String> + Send + Sync>;

/// In place of an answer: the connection ends.
pub const HANGS_UP: &str = "hangs up";

pub struct Relay {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    mails: Arc<Mutex<Vec<String>>>,
    conversations: Arc<AtomicUsize>,
}

impl Relay {
    /// Within a runtime.
    pub async fn start(answers: impl Fn(&str, usize) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answers)
    }

    pub fn on(listener: TcpListener, answers: impl Fn(&str, usize) -> Option<String> + Send + Sync + 'static) -> Self {
        let relay = Self {
            port: listener.local_addr().unwrap().port(),
            heard: Arc::default(),
            mails: Arc::default(),
            conversations: Arc::default(),
        };
        let (heard, mails, answers) =
            (Arc::clone(&relay.heard), Arc::clone(&relay.mails), Arc::new(Box::new(answers) as Answers));
        let conversations = Arc::clone(&relay.conversations);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = conversations.fetch_add(1, Ordering::SeqCst);
                let talk = Talk { heard: Arc::clone(&heard), mails: Arc::clone(&mails), answers: Arc::clone(&answers), number };
                tokio::spawn(async move { talk.lead(stream).await });
            }
        });
        relay
    }

    /// How many connections there have been.
    pub fn conversations(&self) -> usize {
        self.conversations.load(Ordering::SeqCst)
    }

    /// Every line, the message's aside.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// What came up to a final dot, whatever was answered to that.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

struct Talk {
    heard: Arc<Mutex<Vec<String>>>,
    mails: Arc<Mutex<Vec<String>>>,
    answers: Arc<Answers>,
    number: usize,
}

impl Talk {
    async fn lead(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        self.answer("", &mut stream).await?;
        loop {
            let line = line(&mut stream).await?;
            self.heard.lock().unwrap().push(line.clone());
            let said = self.answer(&line, &mut stream).await?;
            if line == "DATA" && said.starts_with("354") {
                let mut mail = String::new();
                loop {
                    match self::line(&mut stream).await?.as_str() {
                        "." => break,
                        line => mail.push_str(&format!("{}\n", line.strip_prefix('.').unwrap_or(line))),
                    }
                }
                self.mails.lock().unwrap().push(mail);
                self.answer(".", &mut stream).await?;
            }
        }
    }

    async fn answer(&self, line: &str, stream: &mut BufReader<TcpStream>) -> Option<String> {
        let usual = match line.split_whitespace().next().unwrap_or_default() {
            "" => "220 relay.test ESMTP",
            "EHLO" => "250-relay.test\r\n250 8BITMIME",
            "DATA" => "354 go on",
            "." => "250 2.0.0 Ok: queued as 4C2",
            "QUIT" => "221 bye",
            _ => "250 2.1.0 Ok",
        };
        let said = (self.answers)(line, self.number).unwrap_or_else(|| usual.to_owned());
        match said.as_str() {
            HANGS_UP => return None,
            _ => stream.write_all(format!("{said}\r\n").as_bytes()).await.ok()?,
        }
        Some(said)
    }
}

async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let count = stream.read_line(&mut line).await.ok()?;
    (count > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}
