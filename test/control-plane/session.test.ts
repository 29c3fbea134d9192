import { compiledOf } from './support/compiled';
import type { Sketch } from './support/compiled';
import { Session } from '../../runtime/control-plane/ads/session';
import { snapshotOf } from '../../runtime/control-plane/store/snapshot';
import type { XdsType } from '../../runtime/control-plane/xds-types';

/** A session with its client's side written down: `CDS a,b` for every response, and a clock that stands still. */
function open(sketch: Sketch) {
  const sent: string[] = [];
  const nonces = new Map<XdsType, string>();
  const timers = new Set<() => void>();
  let takes = true;
  let count = 0;
  const session = new Session(snapshotOf(compiledOf(sketch)), {
    send: (type, content, nonce) => {
      nonces.set(type, nonce);
      sent.push(`${type} ${content.resources.map(({ name }) => name).join(',')}`);
      return takes;
    },
    nextNonce: () => `${count += 1}`,
    later: run => {
      timers.add(run);
      return () => { timers.delete(run); };
    },
    happened: () => undefined,
  }, 5000);
  const names = new Map<XdsType, readonly string[]>();
  return {
    session,
    ask: (type: XdsType, ...wanted: string[]) => {
      names.set(type, wanted);
      session.request(type, { resourceNames: wanted, responseNonce: '' });
    },
    /** Accepts the last response; with names, asks for these from now on. */
    ack: (type: XdsType, ...wanted: string[]) => {
      if (wanted.length > 0) names.set(type, wanted);
      session.request(type, { resourceNames: names.get(type) ?? [], responseNonce: nonces.get(type)! });
    },
    nack: (type: XdsType, message = 'no') => session.request(type, { resourceNames: names.get(type) ?? [], responseNonce: nonces.get(type)!, errorDetail: { message } }),
    stale: (type: XdsType, ...wanted: string[]) => session.request(type, { resourceNames: wanted, responseNonce: 'older' }),
    publish: (next: Sketch) => session.publish(snapshotOf(compiledOf(next))),
    pause: () => { takes = false; },
    resume: () => {
      takes = true;
      session.writable();
    },
    patienceEnds: () => { for (const run of [...timers]) { timers.delete(run); run(); } },
    timers,
    /** What was sent since the last look. */
    sent: () => sent.splice(0),
  };
}

const FIRST: Sketch = { clusters: { 'eds-a': '1' }, endpoints: { 'eds-a': 1 }, listeners: { L: '1' }, routes: { R: '1' } };

/** A client that has taken all of a configuration, as Envoy asks for it. */
function settled(sketch: Sketch = FIRST) {
  const client = open(sketch);
  client.ask('CDS');
  client.ask('EDS', ...Object.keys(sketch.endpoints ?? {}));
  client.ack('CDS');
  client.ack('EDS');
  client.ask('LDS');
  client.ack('LDS');
  client.ask('RDS', ...Object.keys(sketch.routes ?? {}));
  client.ack('RDS');
  client.sent();
  return client;
}

test('answers each type as it is asked for, and says when the client has everything', () => {
  const { ask, ack, sent, session } = open(FIRST);
  ask('CDS');
  expect(sent()).toEqual(['CDS eds-a']);
  expect(session.missing()).toEqual(['CDS is not acknowledged', 'EDS is not asked for', 'LDS is not asked for', 'RDS is not asked for']);
  ask('EDS', 'eds-a');
  ack('EDS');
  ack('CDS');
  ask('LDS');
  ack('LDS');
  expect(session.settled()).toBe(false);
  ask('RDS', 'R');
  ack('RDS');
  expect(sent()).toEqual(['EDS eds-a', 'LDS L', 'RDS R']);
  expect(session.settled()).toBe(true);
  expect(session.missing()).toEqual([]);
});

test('sends only the types and, by name, only the resources whose content changed', () => {
  const { publish, sent, ack } = settled({ ...FIRST, clusters: { 'eds-a': '1', 'eds-b': '1' }, endpoints: { 'eds-a': 1, 'eds-b': 1 } });
  publish({ ...FIRST, clusters: { 'eds-a': '1', 'eds-b': '1' }, endpoints: { 'eds-a': 1, 'eds-b': 1 } });
  expect(sent()).toEqual([]);
  publish({ ...FIRST, clusters: { 'eds-a': '1', 'eds-b': '1' }, endpoints: { 'eds-a': 1, 'eds-b': 2 } });
  expect(sent()).toEqual(['EDS eds-b']);
  ack('EDS');
  expect(sent()).toEqual([]);
});

test('adds clusters before the routes that use them, and takes old ones away after', () => {
  const { publish, sent, ack } = settled();
  publish({ clusters: { 'eds-b': '1' }, endpoints: { 'eds-b': 1 }, listeners: { L: '1' }, routes: { R: '2' } });
  expect(sent()).toEqual(['CDS eds-b,eds-a']);
  ack('EDS', 'eds-a', 'eds-b'); // Envoy asks for the new cluster's endpoints before it acknowledges the cluster
  expect(sent()).toEqual(['EDS eds-b']);
  ack('EDS');
  expect(sent()).toEqual([]);
  ack('CDS');
  expect(sent()).toEqual(['RDS R']);
  ack('RDS');
  expect(sent()).toEqual(['CDS eds-b']);
  ack('CDS');
  ack('EDS', 'eds-b');
  expect(sent()).toEqual([]);
});

test('keeps old clusters while the routes that use them are rejected', () => {
  const { publish, sent, ack, nack, session } = settled();
  publish({ ...FIRST, clusters: { 'eds-b': '1' }, endpoints: { 'eds-b': 1 }, routes: { R: 'bad' } });
  ack('EDS', 'eds-a', 'eds-b');
  ack('EDS');
  ack('CDS');
  expect(sent()).toEqual(['CDS eds-b,eds-a', 'EDS eds-b', 'RDS R']);
  nack('RDS');
  expect(sent()).toEqual([]);
  expect(session.refused()).toEqual(['RDS']);
  publish({ ...FIRST, clusters: { 'eds-b': '1' }, endpoints: { 'eds-b': 1 }, routes: { R: 'good' } });
  expect(sent()).toEqual(['RDS R']);
  ack('RDS');
  expect(sent()).toEqual(['CDS eds-b']);
});

test('waits with removal until the client asks for the routes of a new listener', () => {
  const { publish, sent, ack } = settled();
  publish({ clusters: { 'eds-b': '1' }, endpoints: {}, listeners: { L: '2' }, routes: { Q: '1' } });
  ack('CDS');
  ack('LDS');
  expect(sent()).toEqual(['CDS eds-b,eds-a', 'LDS L']);
  ack('RDS', 'R', 'Q');
  expect(sent()).toEqual(['RDS Q']);
  ack('RDS');
  expect(sent()).toEqual(['CDS eds-b']);
});

test('sends endpoints again after a changed cluster, which warms from nothing', () => {
  const { publish, sent } = settled();
  publish({ ...FIRST, clusters: { 'eds-a': '2' } });
  expect(sent()).toEqual(['CDS eds-a', 'EDS eds-a']);
});

test('goes on to routes, and to newer clusters, when a cluster does not get warm in time', () => {
  const { publish, sent, patienceEnds } = settled();
  publish({ ...FIRST, clusters: { 'eds-a': '1', 'eds-b': '1' }, routes: { R: '2' } });
  expect(sent()).toEqual(['CDS eds-a,eds-b']);
  publish({ ...FIRST, clusters: { 'eds-a': '1', 'eds-c': '1' }, routes: { R: '3' } });
  expect(sent()).toEqual([]);
  patienceEnds();
  expect(sent()).toEqual(['CDS eds-a,eds-c,eds-b']);
  patienceEnds();
  expect(sent()).toEqual(['RDS R']);
});

test('holds at most one response of a type for a slow client: what comes between two of them is never sent', () => {
  const { publish, sent, ack } = settled();
  for (const mark of ['2', '3', '4', '5']) publish({ ...FIRST, routes: { R: mark } });
  expect(sent()).toEqual(['RDS R']);
  ack('RDS');
  expect(sent()).toEqual(['RDS R']);
  ack('RDS');
  expect(sent()).toEqual([]);
});

test('sends nothing while the stream is full, and what is then current when it drains', () => {
  const { publish, sent, pause, resume } = settled();
  pause();
  publish({ ...FIRST, clusters: { 'eds-a': '2' }, endpoints: { 'eds-a': 2 } });
  expect(sent()).toEqual(['CDS eds-a']);
  publish({ ...FIRST, clusters: { 'eds-a': '2' }, endpoints: { 'eds-a': 3 } });
  expect(sent()).toEqual([]);
  resume();
  expect(sent()).toEqual(['EDS eds-a']);
});

describe('a rejected version', () => {
  test('is not sent again while its content stays, whatever else changes', () => {
    const { publish, sent, nack, session } = settled();
    publish({ ...FIRST, listeners: { L: 'bad' } });
    expect(sent()).toEqual(['LDS L']);
    nack('LDS', 'bad listener');
    expect(session.of('LDS').rejection?.message).toBe('bad listener');
    publish({ ...FIRST, listeners: { L: 'bad' }, endpoints: { 'eds-a': 2 } });
    expect(sent()).toEqual(['EDS eds-a']);
  });

  test('makes way for the content before it, since clients take a rejected version in part', () => {
    const { publish, sent, nack, ack, session } = settled();
    publish({ ...FIRST, listeners: { L: 'bad' } });
    nack('LDS');
    publish(FIRST);
    expect(sent()).toEqual(['LDS L', 'LDS L']);
    ack('LDS');
    expect(session.refused()).toEqual([]);
    expect(session.settled()).toBe(true);
  });

  test('does not keep a new name from being answered', () => {
    const { publish, sent, nack, ack, session } = settled({ ...FIRST, routes: { R: '1', Q: '1' } });
    publish({ ...FIRST, routes: { R: 'bad', Q: '1', P: '1' } });
    nack('RDS');
    expect(sent()).toEqual(['RDS R']);
    ack('RDS', 'P', 'Q', 'R');
    expect(sent()).toEqual(['RDS P']);
    ack('RDS');
    expect(session.refused()).toEqual(['RDS']);
  });

  test('names added by the rejection itself are answered', () => {
    const { sent, session, ask } = open({ routes: { R: 'bad', Q: '1' } });
    ask('RDS', 'R');
    session.request('RDS', { resourceNames: ['R', 'Q'], responseNonce: '1', errorDetail: { message: 'no' } });
    expect(sent()).toEqual(['RDS R', 'RDS Q']);
  });

  test('brings the other resources of its response along once one is repaired', () => {
    const { publish, sent, nack } = settled({ ...FIRST, routes: { R: '1', Q: '1' } });
    publish({ ...FIRST, routes: { R: 'bad', Q: '2' } });
    expect(sent()).toEqual(['RDS Q,R']);
    nack('RDS');
    publish({ ...FIRST, routes: { R: 'good', Q: '2' } });
    expect(sent()).toEqual(['RDS Q,R']);
  });
});

describe('requests', () => {
  test('with an older nonce change nothing, but what they let go of is answered when asked for again', () => {
    const { sent, stale, ack } = settled({ ...FIRST, routes: { R: '1', Q: '1' } });
    stale('RDS', 'R');
    expect(sent()).toEqual([]);
    ack('RDS', 'R', 'Q');
    expect(sent()).toEqual(['RDS Q']);
  });

  test('that only name fewer resources are not answered', () => {
    const { sent, ack, publish } = settled({ ...FIRST, routes: { R: '1', Q: '1' } });
    ack('RDS', 'R');
    expect(sent()).toEqual([]);
    publish({ ...FIRST, routes: { R: '1', Q: '2' } });
    expect(sent()).toEqual([]);
  });

  test('that name nothing end a watch by name, and a later one starts it again', () => {
    const { session, sent, publish } = settled();
    session.request('RDS', { resourceNames: [], responseNonce: '4' });
    publish({ ...FIRST, routes: { R: '2' } });
    expect(sent()).toEqual([]);
    session.request('RDS', { resourceNames: ['R'], responseNonce: '4' });
    expect(sent()).toEqual(['RDS R']);
  });

  test('that start over with clusters make the next one for endpoints be answered', () => {
    const { ask, ack, sent } = settled();
    ask('CDS');
    expect(sent()).toEqual(['CDS eds-a']);
    ack('EDS');
    expect(sent()).toEqual(['EDS eds-a']);
    ack('EDS');
    expect(sent()).toEqual([]);
  });

  test('for something that does not exist yet are answered when it does', () => {
    const { ask, ack, sent, publish } = settled();
    ask('SDS', 'kubernetes://late');
    expect(sent()).toEqual(['SDS ']);
    ack('SDS');
    ack('RDS', 'R', 'late');
    expect(sent()).toEqual([]);
    publish({ ...FIRST, routes: { R: '1', late: '1' } });
    expect(sent()).toEqual(['RDS late']);
  });

  test('for clusters by name (gRPC clients) get these alone', () => {
    const { ask, ack, sent, publish } = open({ clusters: { a: '1', b: '1' } });
    ask('CDS', 'a');
    expect(sent()).toEqual(['CDS a']);
    ack('CDS', 'a', 'b');
    expect(sent()).toEqual(['CDS a,b']);
    ack('CDS', 'b');
    expect(sent()).toEqual([]);
    publish({ clusters: { a: '2', b: '1' } });
    expect(sent()).toEqual([]);
  });
});

test('an empty set of clusters is a state of its own', () => {
  const { publish, sent, ack } = settled({ clusters: { a: '1' }, listeners: { L: '1' } });
  publish({});
  expect(sent()).toEqual(['LDS ']);
  ack('LDS');
  expect(sent()).toEqual(['CDS ']);
});

test('a closed session leaves no timer behind', () => {
  const { session, publish, timers, sent } = settled();
  publish({ ...FIRST, routes: { R: '2' } });
  expect(timers.size).toBe(1);
  session.close();
  expect(timers.size).toBe(0);
  publish({ ...FIRST, routes: { R: '3' } });
  expect(sent()).toEqual(['RDS R']);
});
