// The functions that a proxy auto-configuration script may call, as browsers define them.
// Names are looked up outside, in `known`; one that is missing ends the run by UnknownName, and it is run again.
var known = {}, ownAddress = "127.0.0.1";
function UnknownName(name) { this.unknownName = name; }
function dnsResolve(host) {
  if (ipv4Number(host) !== null) return host;
  if (!Object.prototype.hasOwnProperty.call(known, host)) throw new UnknownName(String(host));
  return known[host];
}
function isResolvable(host) { return dnsResolve(host) !== null; }
function myIpAddress() { return ownAddress; }
function isPlainHostName(host) { return host.indexOf(".") < 0 && host.indexOf(":") < 0; }
function dnsDomainIs(host, domain) { return host.length >= domain.length && host.slice(-domain.length) === domain; }
function localHostOrDomainIs(host, name) { return host === name || name.lastIndexOf(host + ".", 0) === 0; }
function dnsDomainLevels(host) { return host.split(".").length - 1; }
function ipv4Number(text) {
  var parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!parts) return null;
  var number = 0;
  for (var i = 1; i < 5; i++) { if (+parts[i] > 255) return null; number = number * 256 + +parts[i]; }
  return number >>> 0;
}
function convert_addr(text) { return ipv4Number(text) || 0; }
function isInNet(host, pattern, mask) {
  var address = ipv4Number(dnsResolve(host) || ""), bits = ipv4Number(mask), base = ipv4Number(pattern);
  return address !== null && bits !== null && base !== null && ((address & bits) >>> 0) === ((base & bits) >>> 0);
}
function shExpMatch(text, pattern) {
  var source = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
  return new RegExp("^" + source + "$").test(text);
}
function alert() {}
var DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
var MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
function clockOf(args) { // the arguments without a trailing "GMT", and a reader of the clock that it chooses
  var list = Array.prototype.slice.call(args), gmt = list[list.length - 1] === "GMT", now = new Date();
  if (gmt) list.pop();
  return { list: list, get: function (part) { return now[(gmt ? "getUTC" : "get") + part](); } };
}
function between(value, first, last) { return first <= last ? first <= value && value <= last : value >= first || value <= last; }
function weekdayRange() {
  var clock = clockOf(arguments), days = clock.list.map(function (name) { return DAYS.indexOf(name); });
  return between(clock.get("Day"), days[0], days[days.length - 1]);
}
function dateRange() { // days, months and years, alone or in pairs: compared as one number by their places
  var clock = clockOf(arguments), half = Math.ceil(clock.list.length / 2), single = clock.list.length === 1;
  function number(list) {
    return list.reduce(function (sum, item) {
      if (typeof item === "string") return sum + (MONTHS.indexOf(item) + 1) * 100;
      return sum + (item > 31 ? item * 10000 : item);
    }, 0);
  }
  function now(list) {
    return list.reduce(function (sum, item) {
      if (typeof item === "string") return sum + (clock.get("Month") + 1) * 100;
      return sum + (item > 31 ? clock.get("FullYear") * 10000 : clock.get("Date"));
    }, 0);
  }
  var first = clock.list.slice(0, half), last = single ? first : clock.list.slice(half);
  return between(now(first), number(first), number(last));
}
function timeRange() {
  var clock = clockOf(arguments), list = clock.list, now = clock.get("Hours") * 3600;
  if (list.length === 1) return clock.get("Hours") === list[0];
  if (list.length === 2) return between(now, list[0] * 3600, list[1] * 3600 - 1);
  now += clock.get("Minutes") * 60 + (list.length === 6 ? clock.get("Seconds") : 0);
  function seconds(parts) { return parts[0] * 3600 + parts[1] * 60 + (parts[2] || 0); }
  return between(now, seconds(list.slice(0, list.length / 2)), seconds(list.slice(list.length / 2)));
}
