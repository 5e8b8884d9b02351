/* In place of what MQTT.js needs under Node only: sockets of `ws`, timers in a worker of their own. */

module.exports = {};
