//! What twenty providers' references ask for, each written as an operator would: `check` must take all of them. Their requests are written
//! from knowledge of the references; none was tried against the provider itself.

use std::path::Path;

use crate::support::provider::document;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Name, content type, body, and further keys.
const BODIES: [(&str, &str, &str, &str); 22] = [
    (
        "twilio",
        FORM,
        "To={{to_e164}}&From={{sender}}&Body={{text}}{{#receipt_url}}&StatusCallback={{receipt_url}}{{/receipt_url}}&ValidityPeriod={{ttl_s}}",
        "",
    ),
    (
        "vonage",
        JSON,
        r#"{"message_type":"text","channel":"sms","to":"{{to_digits}}","from":"{{sender}}","text":"{{text}}","client_ref":"{{ref}}","ttl":{{ttl_s}}}"#,
        "",
    ),
    (
        "bird",
        JSON,
        r#"{"receiver":{"contacts":[{"identifierKey":"phonenumber","identifierValue":"{{to_e164}}"}]},"body":{"type":"text","text":{"text":"{{text}}"}}}"#,
        r#"headers = { Authorization = "AccessKey {{api_key}}" }"#,
    ),
    (
        "messagebird",
        JSON,
        r#"{"recipients":[{{to_digits}}],"originator":"{{sender}}","body":"{{text}}","datacoding":"{{#unicode}}unicode{{/unicode}}{{^unicode}}plain{{/unicode}}"}"#,
        "",
    ),
    (
        "sinch",
        JSON,
        r#"{"from":"{{sender}}","to":["{{to_digits}}"],"body":"{{text}}","flash_message":{{#flash}}true{{/flash}}{{^flash}}false{{/flash}}}"#,
        "",
    ),
    (
        "infobip",
        JSON,
        r#"{"messages":[{"destinations":[{"to":"{{to_digits}}"}],"from":"{{sender}}","text":"{{text}}","validityPeriod":{{ttl_s}}}]}"#,
        r#"headers = { Authorization = "App {{api_key}}" }"#,
    ),
    ("plivo", JSON, r#"{"src":"{{sender}}","dst":"{{to_e164}}","text":"{{text}}"}"#, ""),
    (
        "clickatell",
        JSON,
        r#"{"messages":[{"channel":"sms","to":"{{to_digits}}","content":"{{text}}"}]}"#,
        r#"headers = { Authorization = "{{api_key}}" }"#,
    ),
    (
        "cm",
        JSON,
        r#"{"messages":{"authentication":{"productToken":"{{api_key}}"},"msg":[{"body":{"type":"auto","content":"{{text}}"},"to":[{"number":"{{to_00}}"}],"from":"{{sender}}","reference":"{{ref}}"}]}}"#,
        "",
    ),
    (
        "cm in XML",
        "application/xml",
        "<?xml version=\"1.0\"?>\n<MESSAGES><AUTHENTICATION><PRODUCTTOKEN>{{api_key}}</PRODUCTTOKEN></AUTHENTICATION><MSG><FROM>{{sender}}</FROM><TO>{{to_00}}</TO>{{#unicode}}<DCS>8</DCS>{{/unicode}}<BODY>{{text}}</BODY></MSG></MESSAGES>",
        "",
    ),
    ("telnyx", JSON, r#"{"from":"{{sender}}","to":"{{to_e164}}","text":"{{text}}"}"#, r#"auth = "bearer""#),
    (
        "aws sns",
        FORM,
        "Action=Publish&Version=2010-03-31&PhoneNumber={{to_e164}}&Message={{text}}&MessageAttributes.entry.1.Name=AWS.SNS.SMS.SMSType&MessageAttributes.entry.1.Value.DataType=String",
        "",
    ),
    (
        "esendex",
        "application/xml",
        "<messages><accountreference>{{account}}</accountreference><message><to>{{to_digits}}</to><body>{{text}}</body></message></messages>",
        "",
    ),
    (
        "bulksms",
        JSON,
        r#"[{"to":"{{to_e164}}","body":"{{text}}","encoding":"{{#unicode}}UNICODE{{/unicode}}{{^unicode}}TEXT{{/unicode}}"}]"#,
        "",
    ),
    (
        "spryng",
        JSON,
        r#"{"body":"{{text}}","encoding":"auto","originator":"{{sender}}","recipients":["{{to_digits}}"],"route":"business"}"#,
        r#"auth = "bearer""#,
    ),
    (
        "link mobility",
        JSON,
        r#"{"source":"{{sender}}","destination":"{{to_e164}}","userData":"{{text}}","platformId":"COMMON_API","useDeliveryReport":false,"relativeValidityTime":{{ttl_ms}}}"#,
        "",
    ),
    (
        "gatewayapi",
        JSON,
        r#"{"sender":"{{sender}}","message":"{{text}}","recipients":[{"msisdn":{{to_digits}}}]{{#flash}},"destaddr":"DISPLAY"{{/flash}}}"#,
        "",
    ),
    (
        "seven",
        FORM,
        "to={{to_digits}}&from={{sender}}&text={{text}}&flash={{#flash}}1{{/flash}}{{^flash}}0{{/flash}}&json=1",
        r#"headers = { X-Api-Key = "{{api_key}}" }"#,
    ),
    ("46elks", FORM, "from={{sender}}&to={{to_e164}}&message={{text}}{{#flash}}&flashsms=yes{{/flash}}", ""),
    (
        "textmagic",
        JSON,
        r#"{"text":"{{text}}","phones":"{{to_digits}}"}"#,
        r#"headers = { X-TM-Username = "{{user}}", X-TM-Key = "{{api_key}}" }"#,
    ),
    (
        "clicksend",
        JSON,
        r#"{"messages":[{"source":"doorward","from":"{{sender}}","to":"{{to_e164}}","body":"{{text}}","custom_string":"{{ref}}"}]}"#,
        r#"auth = "basic""#,
    ),
    (
        "a SOAP 1.2 service",
        "application/soap+xml; charset=utf-8; action=\"urn:sms#SendSms\"",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\"><e:Body><SendSms xmlns=\"urn:sms\"><to>{{to_digits}}</to><text>{{text}}</text></SendSms></e:Body></e:Envelope>",
        "",
    ),
];

#[test]
fn what_providers_ask_for_is_taken() {
    for (provider, content_type, body, more) in BODIES {
        let url = "https://sms.example/v1/messages?key={{account}}";
        let section = format!(
            "kind = \"http\"\nurl = \"{url}\"\ncontent_type = '{content_type}'\nbody = '''{body}'''\nsender = \"Müller & \\\"S\\\"\"\naccount = \"A C/1\"\n\
             user = \"u\"\npassword = \"p<&\"\napi_key = \"k+/=\"\n{more}"
        );
        let parsed = doorward::config::parse(&document(&section), Path::new("/nonexistent"), &|_| None);
        let problems: Vec<String> = parsed.err().unwrap_or_default().into_iter().map(|problem| problem.message).collect();
        assert_eq!(problems, Vec::<String>::new(), "{provider}");
    }
    // SMSAPI, as many older ones, takes all of it in the address.
    let smsapi = "kind = \"http\"\nmethod = \"GET\"\nurl = \"https://sms.example/sms.do?to={{to_digits}}&from={{sender}}&message={{text}}&encoding=utf-8{{#flash}}&flash=1{{/flash}}\"\n\
                  sender = \"Müller\"\nauth = \"bearer\"\napi_key = \"k\"";
    assert!(doorward::config::parse(&document(smsapi), Path::new("/nonexistent"), &|_| None).is_ok());
}
