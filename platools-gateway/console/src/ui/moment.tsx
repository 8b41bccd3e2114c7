// Moment: the time of something to the millisecond, with the day before it unless that is today.

import { fullTime } from './format';

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hour12: false });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

export function Moment({ at }: { at: string }) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return (
    <time dateTime={at} title={fullTime(at)}>
      {!isToday && <span class="muted">{day.format(date)} </span>}
      {time.format(date)}
    </time>
  );
}
