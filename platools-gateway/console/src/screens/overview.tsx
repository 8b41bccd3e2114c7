// Overview.

import type { ScreenProps } from '../routes';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function OverviewScreen(_: ScreenProps) {
  return (
    <Screen title="Overview">
      <Empty title="Nothing here yet" />
    </Screen>
  );
}
