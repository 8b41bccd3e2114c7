// Call.

import type { ScreenProps } from '../routes';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function CallScreen(_: ScreenProps) {
  return (
    <Screen title="Call">
      <Empty title="Nothing here yet" />
    </Screen>
  );
}
